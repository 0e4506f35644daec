import type { KafkaEntry } from "../../../shared/connections/kinds/kafka.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import { compileGlobs } from "../../../shared/policy/glob.ts";
import type { DocumentField, DocumentSource } from "../documents/source.ts";
import { matchExposed } from "../sql/expose.ts";
import type { Cluster } from "./driver.ts";
import { peek, readOffsets } from "./read-messages.ts";

/** Topics of a catalogue, and topics of which messages are looked at. */
const MOST_TOPICS = 500;
const MOST_SAMPLED = 30;

/** Messages from which the fields of a topic are learnt. */
const SAMPLE = 10;

/** Fields of one topic, and levels of a value. */
const MOST_FIELDS = 300;
const MOST_LEVELS = 6;

/**
 * The topics that an entry exposes, with the fields of their newest messages.
 *
 * @param onText - is given each text of those messages with its topic and path
 */
export async function readTopics(
  cluster: Cluster,
  { expose, limits }: KafkaEntry,
  onText: (topic: string, path: string, text: string) => void = () => {},
): Promise<DocumentSource[]> {
  const isExposed = matchExposed({ tables: expose.topics, except: expose.except });
  const { topicMetadata } = await cluster.metadata({ topics: [] });
  const topics = topicMetadata
    .filter(({ topic, isInternal }) => isInternal !== true && !topic.startsWith("__") && isExposed(topic))
    .sort((one, other) => (one.topic < other.topic ? -1 : 1))
    .slice(0, MOST_TOPICS);
  const sources: DocumentSource[] = [];
  // One time for the samples of all topics, half of the request's: a topic after it is listed without fields.
  const until = Date.now() + limits.seconds * 500;
  for (const [index, { topic, partitionMetadata }] of topics.entries()) {
    const kind = `topic of ${partitionMetadata.length} partition${partitionMetadata.length === 1 ? "" : "s"}`;
    const isSampled = index < MOST_SAMPLED && Date.now() < until;
    const offsets = isSampled ? await readOffsets(cluster, topic, null) : [];
    const documents = offsets.reduce(
      (sum, { earliest, latest }) => sum + Number(latest) - Number(earliest),
      0,
    );
    const fields =
      documents === 0 ? [] : await sampleFields(cluster, topic, until - Date.now(), onText.bind(null, topic));
    sources.push({ name: topic, kind, alsoKnownAs: [], documents: isSampled ? documents : null, fields });
  }
  return sources;
}

/** Whether the offsets of a consumer group may be read. */
export function isGroupExposed({ expose }: KafkaEntry, group: string): boolean {
  return compileGlobs(expose.groups)(group) !== null;
}

/** Whether a topic may be written to. */
export function mayProduce({ expose, produce }: KafkaEntry, topic: string): boolean {
  return (
    matchExposed({ tables: expose.topics, except: expose.except })(topic) &&
    compileGlobs(produce)(topic) !== null
  );
}

async function sampleFields(
  cluster: Cluster,
  topic: string,
  timeoutMs: number,
  onText: (path: string, text: string) => void,
): Promise<DocumentField[]> {
  const asked = {
    operation: "peek",
    topic,
    partition: null,
    from: null,
    rows: SAMPLE,
    bytes: 500_000,
  } as const;
  // Messages that cannot be read, such as ones of an unknown compression, say nothing of their fields.
  const { messages } = await peek(cluster, asked, timeoutMs).catch(() => ({ messages: [] }));
  const types = new Map<string, Set<string>>();
  const visit = (value: JsonValue, path: string, level: number) => {
    const type = value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
    if (types.size < MOST_FIELDS || types.has(path))
      types.set(path, (types.get(path) ?? new Set()).add(type));
    if (typeof value === "string" && types.has(path)) onText(path, value);
    if (level >= MOST_LEVELS || typeof value !== "object" || value === null) return;
    if (Array.isArray(value)) for (const item of value.slice(0, 5)) visit(item, path, level + 1);
    else for (const [name, inner] of Object.entries(value)) visit(inner, `${path}.${name}`, level + 1);
  };
  for (const { key, value, headers } of messages) {
    visit(key, "key", 1);
    visit(value, "value", 1);
    for (const [name, part] of Object.entries(headers)) visit(part, `headers.${name}`, 1);
  }
  return [...types].map(([path, found]) => ({
    path,
    type: [...found].filter((type) => type !== "null" || found.size === 1).join(" or "),
    isObject: found.has("object"),
    from: [],
    isOpaque: false,
  }));
}
