import type { KafkaEntry } from "../../../shared/connections/kinds/kafka.ts";
import type { ConnectionReport } from "../../../shared/objects/connection-gate.ts";
import { checkAgainstSources } from "../documents/check-sources.ts";
import { TextSample } from "../sql/sample-classes.ts";
import { mayProduce, readTopics } from "./catalogue.ts";
import type { Cluster } from "./driver.ts";

/** A partition that no topic has: what is sent to it is refused, and where it is not allowed, for that reason. */
const NO_PARTITION = 2_000_000_000;

/** Requests that are under way at the same moment. */
const AT_ONCE = 8;

/** Kafka's number for a topic among resources. */
const TOPIC = 2;

/** What the account may do beyond what the entry says, and how the entry fits the cluster. */
export async function inspectKafka(cluster: Cluster, entry: KafkaEntry): Promise<ConnectionReport> {
  const start = Date.now();
  const sample = new TextSample();
  const sources = await readTopics(cluster, entry, (topic, path, text) =>
    sample.add(`${topic}/${path}`, text),
  );
  const ms = Date.now() - start;
  const excess: ConnectionReport["excess"][number][] = [];
  // Rights are of topics: each one is asked for. A few at a time, since a connection may expose many.
  const probes = probesOf(cluster, sources, entry);
  for (let at = 0; at < probes.length; at += AT_ONCE) {
    const some = probes.slice(at, at + AT_ONCE);
    const failures = await Promise.all(
      some.map(({ attempt }) =>
        attempt().then(
          () => null,
          (thrown: unknown) => thrown,
        ),
      ),
    );
    for (const [place, { what, remedy }] of some.entries())
      if (!isUnauthorized(failures[place])) excess.push({ what, remedy, blocking: true });
  }
  const { expose, classes, produce } = entry;
  const checked = checkAgainstSources(
    { place: "expose.topics", globs: expose.topics, classes, isSample: true },
    sources,
    (field) => sample.classOf(field),
  );
  const names = sources.map(({ name }) => name);
  const mistakes = produce
    .filter((glob) => !names.some((name) => mayProduce({ ...entry, produce: [glob] }, name)))
    .map((glob) => `produce: "${glob}" matches no exposed topic.`);
  return { server: "Kafka", ms, excess, ...checked, mistakes: [...checked.mistakes, ...mistakes] };
}

interface Probe {
  what: string;
  remedy: string;
  attempt(): Promise<unknown>;
}

/**
 * One request of each kind of change, in a form that changes nothing where it is allowed: checked only, of a topic
 * that does not exist, or to a partition that no topic has. Kafka tells an account nothing of its rights.
 */
function probesOf(cluster: Cluster, sources: readonly { name: string }[], entry: KafkaEntry): Probe[] {
  const name = `gatehouse-probe-${crypto.randomUUID()}`;
  const timeout = 3_000;
  const controller = () => cluster.findControllerBroker();
  const topics = sources.map((source) => source.name);
  return [
    {
      what: "create topics",
      remedy: "Remove its ACLs for Create on topics and on the cluster.",
      attempt: async () =>
        (await controller()).createTopics({
          validateOnly: true,
          topics: [{ topic: name, numPartitions: 1, replicationFactor: 1 }],
          timeout,
        }),
    },
    {
      what: "delete topics",
      remedy: "Remove its ACLs for Delete on topics.",
      attempt: async () =>
        (await controller()).deleteTopics({ topics: [`${topics[0] ?? "x"}-${name}`], timeout }),
    },
    ...topics.flatMap((topic) => probesOfTopic(cluster, topic, mayProduce(entry, topic))),
  ];
}

/** `isWritten`: the entry names the topic for writing. */
function probesOfTopic(cluster: Cluster, topic: string, isWritten: boolean): Probe[] {
  const leader = async () => {
    const [nodeId = ""] = Object.keys(cluster.findLeaderForPartitions(topic, [0]));
    return await cluster.findBroker({ nodeId });
  };
  const message = { key: null, value: "", headers: {}, timestamp: "0" };
  const write: Probe[] = [
    {
      what: `write to ${topic}`,
      remedy: `Remove its ACLs for Write on topics that the entry does not name under \`produce\`.`,
      attempt: async () =>
        (await leader()).produce({
          acks: -1,
          timeout: 3_000,
          topicData: [{ topic, partitions: [{ partition: NO_PARTITION, messages: [message] }] }],
        }),
    },
  ];
  return [
    ...(isWritten ? [] : write),
    {
      what: `change the configuration of ${topic}`,
      remedy: "Remove its ACLs for AlterConfigs.",
      attempt: async () =>
        (await cluster.findControllerBroker()).alterConfigs({
          validateOnly: true,
          resources: [{ type: TOPIC, name: topic, configEntries: [] }],
        }),
    },
    {
      what: `delete messages of ${topic}`,
      remedy: "Remove its ACLs for Delete on topics.",
      attempt: async () =>
        (await leader()).deleteRecords({
          topics: [{ topic, partitions: [{ partition: NO_PARTITION, offset: "0" }] }],
        }),
    },
  ];
}

/** Whether an error of the driver, or one of the topics or partitions that it is about, is that of an authorization. */
function isUnauthorized(failure: unknown): boolean {
  if (typeof failure !== "object" || failure === null) return false;
  const { type, error, cause, errors, partitions } = failure as {
    type?: string;
    error?: unknown;
    cause?: unknown;
    errors?: unknown[];
    partitions?: unknown[];
  };
  if (type !== undefined && /AUTHORIZATION_FAILED$/.test(type)) return true;
  return [error, cause, ...(errors ?? []), ...(partitions ?? [])].some(isUnauthorized);
}
