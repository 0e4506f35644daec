import type { Broker, Cluster, RawMessage } from "../../workers/connections/kafka/driver.ts";

/** An error as the driver throws it. */
export function failure(type: string): Error {
  return Object.assign(new Error(`Kafka says ${type} of host-17.internal`), {
    name: "KafkaJSProtocolError",
    type,
  });
}

/** A message of the partition `at % 2`. */
export function message(at: number, value: string | Uint8Array): RawMessage {
  const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
  return { offset: String(at >> 1), timestamp: String(1_000 + at), key: null, value: bytes };
}

/** Twenty messages, of which the partitions have every second one. */
export const MESSAGES = Array.from({ length: 20 }, (_, at) => message(at, `{"at":${at}}`));

/** A cluster of one broker with a topic of two partitions, as the driver shows it. */
export function clusterOf(messages: readonly RawMessage[], changes: Partial<Broker> = {}): Cluster {
  const partitions = [0, 1];
  const own = (partition: number) => messages.filter((_, at) => at % 2 === partition);
  const broker: Broker = {
    listOffsets: async ({ topics }) => ({
      responses: topics.map(({ topic, partitions: asked }) => ({
        topic,
        partitions: asked.map(({ partition, timestamp }) => {
          const first = own(partition).find((one) => Number(one.timestamp) >= timestamp)?.offset ?? "-1";
          const offset = timestamp === -1 ? String(own(partition).length) : timestamp === -2 ? "0" : first;
          return { partition, offset };
        }),
      })),
    }),
    fetch: async ({ topics }) => ({
      responses: topics.map(({ topic, partitions: asked }) => ({
        topicName: topic,
        // A broker gives the whole batch, from its beginning on.
        partitions: asked.map(({ partition }) => ({ partition, messages: own(partition) })),
      })),
    }),
    offsetFetch: async ({ topics }) => ({
      responses: topics.map(({ topic, partitions: asked }) => ({
        topic,
        partitions: asked.map(({ partition }) => ({ partition, offset: partition === 0 ? "4" : "-1" })),
      })),
    }),
    produce: () => Promise.reject(failure("TOPIC_AUTHORIZATION_FAILED")),
    createTopics: () =>
      Promise.reject(Object.assign(new Error("x"), { errors: [failure("CLUSTER_AUTHORIZATION_FAILED")] })),
    deleteTopics: () => Promise.reject(failure("TOPIC_AUTHORIZATION_FAILED")),
    alterConfigs: () => Promise.reject(failure("TOPIC_AUTHORIZATION_FAILED")),
    deleteRecords: () =>
      Promise.reject(
        Object.assign(new Error("x"), { partitions: [{ error: failure("TOPIC_AUTHORIZATION_FAILED") }] }),
      ),
    ...changes,
  };
  return {
    connect: async () => {},
    disconnect: async () => {},
    isConnected: () => true,
    addMultipleTargetTopics: async () => {},
    refreshMetadata: async () => {},
    metadata: async () => ({
      topicMetadata: ["orders", "private", "__consumer_offsets"].map((topic) => ({
        topic,
        partitionMetadata: partitions.map((partitionId) => ({ partitionId, leader: 1 })),
      })),
    }),
    findLeaderForPartitions: (_topic, asked) => (asked.length === 0 ? {} : { 1: asked }),
    findBroker: async () => broker,
    findControllerBroker: async () => broker,
    findGroupCoordinator: async () => broker,
  };
}
