import type { KafkaEntry } from "../../../shared/connections/kinds/kafka.ts";
import { OPEN_MS } from "../connector.ts";
import { boundAnswers, boundDriver, type DriverSocket } from "./bounds.ts";
import { boundBrokers, changeDriver, checkSockets } from "./brokers.ts";
import { replaceFetch } from "./fetch.ts";
import { boundMetadata } from "./metadata.ts";

/** Most milliseconds of a request: those of each are bounded by its session (`limits.seconds` is 60 at most). */
const MOST_MS = 60_000;

/**
 * The part of the driver `kafkajs` that is used: its cluster, below its consumer. A consumer joins a group, which
 * takes seconds and leaves a group at the cluster; a fetch of its own does neither.
 */
export interface Cluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  isConnected(): boolean;
  addMultipleTargetTopics(topics: string[]): Promise<void>;
  refreshMetadata(): Promise<void>;
  metadata(asked?: { topics: string[] }): Promise<{ topicMetadata: TopicMetadata[] }>;
  findLeaderForPartitions(topic: string, partitions: number[]): Record<string, number[]>;
  findBroker(asked: { nodeId: string }): Promise<Broker>;
  findControllerBroker(): Promise<Broker>;
  findGroupCoordinator(asked: { groupId: string }): Promise<Broker>;
}

/** One topic as the cluster describes it. */
export interface TopicMetadata {
  topic: string;
  isInternal?: boolean;
  partitionMetadata: { partitionId: number; leader: number }[];
}

/** A message as the driver reads it. */
export interface RawMessage {
  offset: string;
  timestamp: string;
  key: Uint8Array | null;
  value: Uint8Array | null;
  headers?: Record<string, Uint8Array | null | (Uint8Array | null)[]>;
  isControlRecord?: boolean;
}

/** A broker, by the requests that are sent to it. Each throws the first error of its answer, with its `type`. */
export interface Broker {
  listOffsets(asked: {
    replicaId: -1;
    isolationLevel: 1;
    topics: { topic: string; partitions: { partition: number; timestamp: number }[] }[];
  }): Promise<{ responses: { topic: string; partitions: { partition: number; offset: string }[] }[] }>;
  fetch(asked: {
    replicaId: -1;
    isolationLevel: 1;
    maxWaitTime: number;
    minBytes: number;
    maxBytes: number;
    topics: { topic: string; partitions: { partition: number; fetchOffset: string; maxBytes: number }[] }[];
  }): Promise<{
    responses: { topicName: string; partitions: { partition: number; messages: RawMessage[] }[] }[];
  }>;
  offsetFetch(asked: {
    groupId: string;
    topics: { topic: string; partitions: { partition: number }[] }[];
  }): Promise<{ responses: { topic: string; partitions: { partition: number; offset: string }[] }[] }>;
  produce(asked: {
    acks: -1;
    timeout: number;
    topicData: { topic: string; partitions: { partition: number; messages: WrittenMessage[] }[] }[];
  }): Promise<{ topics: { topicName: string; partitions: { partition: number; baseOffset: string }[] }[] }>;
  createTopics(asked: { validateOnly: true; topics: object[]; timeout: number }): Promise<unknown>;
  deleteTopics(asked: { topics: string[]; timeout: number }): Promise<unknown>;
  alterConfigs(asked: { validateOnly: true; resources: object[] }): Promise<unknown>;
  deleteRecords(asked: { topics: object[] }): Promise<unknown>;
}

/** A message to be written. */
export interface WrittenMessage {
  key: string | null;
  value: string;
  headers: Record<string, string>;
  timestamp: string;
}

type NewCluster = new (options: object) => Cluster;

/** A cluster with the sockets that it opened. */
export interface OpenedCluster {
  cluster: Cluster;
  /** Closes its sockets at once, also those on which a broker has not answered yet. */
  close(): void;
}

/** Opens a cluster of the driver. Nothing is connected yet. */
export async function openCluster(
  { reach, auth }: KafkaEntry,
  secret: string | null,
): Promise<OpenedCluster> {
  const [{ default: ClusterOf }, { createLogger }, { default: socketFactory }] = (await Promise.all([
    import("kafkajs/src/cluster/index.js"),
    import("kafkajs/src/loggers/index.js").then((module) => module.default),
    import("kafkajs/src/network/socketFactory.js"),
  ])) as [
    { default: NewCluster },
    { createLogger(options: object): unknown },
    { default: () => (place: object) => DriverSocket },
  ];
  await replaceFetch();
  await boundMetadata();
  await boundDriver();
  await changeDriver();
  const openSocket = socketFactory();
  const host = reach.host.includes(":") ? `[${reach.host}]` : reach.host;
  const sockets = new Set<DriverSocket>();
  let isClosed = false;
  const cluster = new ClusterOf({
    logger: createLogger({ level: 0, logCreator: () => () => {} }),
    socketFactory: (place: object) => {
      // What still runs would connect again.
      if (isClosed) throw new Error("The cluster is closed.");
      checkSockets(sockets.size);
      const socket = boundAnswers(openSocket(place));
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
      return socket;
    },
    brokers: [`${host}:${reach.port ?? (reach.tls === "required" ? 9093 : 9092)}`],
    ssl: reach.tls === "required" ? {} : false,
    ...(auth.type !== "none" && {
      sasl: { mechanism: auth.type, username: auth.user, password: secret ?? "" },
    }),
    clientId: "gatehouse",
    connectionTimeout: OPEN_MS - 1_000,
    authenticationTimeout: OPEN_MS - 1_000,
    requestTimeout: MOST_MS,
    enforceRequestTimeout: true,
    retry: { retries: 0 },
    metadataMaxAge: 60_000,
    // A name that is not there must not become a topic.
    allowAutoTopicCreation: false,
    isolationLevel: 1,
  });
  boundBrokers(cluster);
  return {
    cluster,
    close() {
      isClosed = true;
      void cluster.disconnect().catch(() => {});
      // The driver waits for the answers of a socket that has closed without an error.
      for (const socket of sockets) socket.destroy(new Error("The cluster is closed."));
    },
  };
}

/** Chooses the partition of a key as other clients do (`murmur2`, Kafka's default). */
export async function choosePartition(
  key: string | null,
  { topic, partitionMetadata }: TopicMetadata,
): Promise<number> {
  const { default: createPartitioner } = (await import(
    "kafkajs/src/producer/partitioners/default/index.js"
  )) as { default: () => (asked: object) => number };
  return createPartitioner()({ topic, partitionMetadata, message: { key } });
}
