import type { JsonValue } from "../../../shared/encoding/json.ts";
import { RefusedRequest } from "../connector.ts";
import type { Cluster, RawMessage } from "./driver.ts";
import type { PartitionOffsets, PeekOperation, SeenMessage, SeenMessages } from "./operation.ts";

/** Kafka's names of the two ends of a partition. */
const EARLIEST = -2;
const LATEST = -1;

/** Most bytes that one look fetches, and from one partition. */
const MOST_BYTES = 4_000_000;
const MOST_OF_PARTITION = 1_000_000;

/** Milliseconds for which a broker waits for messages: those that are there are enough. */
const WAIT_MS = 200;

/** Rounds of one look: a broker may give one batch at a time. */
const MOST_ROUNDS = 20;

/** What of a partition is wanted: from `next` to before `end`, and `left` messages at most. */
interface Range {
  next: bigint;
  end: bigint;
  left: number;
}

type FoundMessage = RawMessage & { partition: number };

/** Most characters of one text; a longer one is cut. */
const CELL = 20_000;

/** Partitions of a topic, in their sequence. */
async function partitionsOf(cluster: Cluster, topic: string): Promise<number[]> {
  await cluster.addMultipleTargetTopics([topic]);
  const { topicMetadata } = await cluster.metadata({ topics: [topic] });
  const found = topicMetadata.find((one) => one.topic === topic)?.partitionMetadata ?? [];
  return found.map(({ partitionId }) => partitionId).sort((one, other) => one - other);
}

/** Offsets of some partitions at a time; see {@link EARLIEST} and {@link LATEST}. `-1` where there is none. */
async function offsetsAt(
  cluster: Cluster,
  topic: string,
  partitions: readonly number[],
  timestamp: number,
): Promise<Map<number, bigint>> {
  const leaders = Object.entries(cluster.findLeaderForPartitions(topic, [...partitions]));
  const found = new Map<number, bigint>();
  for (const [nodeId, own] of leaders) {
    const broker = await cluster.findBroker({ nodeId });
    const asked = [{ topic, partitions: own.map((partition) => ({ partition, timestamp })) }];
    const { responses } = await broker.listOffsets({ replicaId: -1, isolationLevel: 1, topics: asked });
    for (const { partition, offset } of responses.flatMap((one) => one.partitions))
      found.set(partition, BigInt(offset));
  }
  return found;
}

/** Where each partition of a topic begins and ends, and how far a group has read. */
export async function readOffsets(
  cluster: Cluster,
  topic: string,
  group: string | null,
): Promise<PartitionOffsets[]> {
  const partitions = await partitionsOf(cluster, topic);
  const [earliest, latest] = await Promise.all([
    offsetsAt(cluster, topic, partitions, EARLIEST),
    offsetsAt(cluster, topic, partitions, LATEST),
  ]);
  const committed = group === null ? null : await readCommitted(cluster, topic, partitions, group);
  return partitions.map((partition) => {
    const [first = 0n, end = 0n] = [earliest.get(partition), latest.get(partition)];
    const own = committed?.get(partition) ?? -1n;
    return {
      partition,
      earliest: String(first),
      latest: String(end),
      // A group that never committed has -1; what is deleted already is not behind it.
      ...(committed !== null && {
        committed: own < 0n ? null : String(own),
        lag: own < 0n ? null : Number(end - (own > first ? own : first)),
      }),
    };
  });
}

async function readCommitted(
  cluster: Cluster,
  topic: string,
  partitions: readonly number[],
  groupId: string,
): Promise<Map<number, bigint>> {
  const coordinator = await cluster.findGroupCoordinator({ groupId });
  const asked = [{ topic, partitions: partitions.map((partition) => ({ partition })) }];
  const { responses } = await coordinator.offsetFetch({ groupId, topics: asked });
  return new Map(
    responses.flatMap((one) => one.partitions).map(({ partition, offset }) => [partition, BigInt(offset)]),
  );
}

/** Messages of a topic from an offset or a time on, or the newest ones. Joins no group and commits nothing. */
export async function peek(
  cluster: Cluster,
  { topic, partition, from, rows, bytes }: PeekOperation,
): Promise<SeenMessages> {
  const all = await partitionsOf(cluster, topic);
  if (partition !== null && !all.includes(partition)) {
    throw new RefusedRequest({
      code: "invalid_input",
      message: `The topic has the partitions 0 to ${all.length - 1}.`,
    });
  }
  const partitions = partition === null ? all : [partition];
  const [earliest, latest] = await Promise.all([
    offsetsAt(cluster, topic, partitions, EARLIEST),
    offsetsAt(cluster, topic, partitions, LATEST),
  ]);
  const at = from !== null && "time" in from ? await offsetsAt(cluster, topic, partitions, from.time) : null;
  const ranges = new Map<number, Range>();
  for (const one of partitions) {
    const [first = 0n, end = 0n] = [earliest.get(one), latest.get(one)];
    const wanted =
      from === null ? end - BigInt(rows) : "offset" in from ? BigInt(from.offset) : (at?.get(one) ?? -1n);
    // No message is as late as that.
    if (from !== null && "time" in from && wanted < 0n) continue;
    const start = wanted < first ? first : wanted;
    if (start < end) ranges.set(one, { next: start, end, left: rows });
  }
  const found: FoundMessage[] = [];
  for (let round = 0; round < MOST_ROUNDS && ranges.size > 0; round += 1)
    found.push(...(await fetchRound(cluster, topic, ranges)));
  const isNewest = from === null;
  found.sort(
    (one, other) =>
      Number(BigInt(one.timestamp) - BigInt(other.timestamp)) || one.partition - other.partition,
  );
  const chosen = isNewest ? found.slice(-rows).reverse() : found.slice(0, rows);
  return bound(chosen, bytes, chosen.length < found.length);
}

/** Takes what brokers give at once, which may be one batch each, and moves the ranges on. */
async function fetchRound(
  cluster: Cluster,
  topic: string,
  ranges: Map<number, Range>,
): Promise<FoundMessage[]> {
  const found: FoundMessage[] = [];
  for (const [nodeId, partitions] of Object.entries(
    cluster.findLeaderForPartitions(topic, [...ranges.keys()]),
  )) {
    const broker = await cluster.findBroker({ nodeId });
    const asked = partitions.map((partition) => ({
      partition,
      fetchOffset: String(ranges.get(partition)?.next ?? 0n),
      maxBytes: MOST_OF_PARTITION,
    }));
    const { responses } = await broker.fetch({
      replicaId: -1,
      isolationLevel: 1,
      maxWaitTime: WAIT_MS,
      minBytes: 1,
      maxBytes: MOST_BYTES,
      topics: [{ topic, partitions: asked }],
    });
    const answered = new Map(
      responses.flatMap((one) => one.partitions).map((one) => [one.partition, one.messages]),
    );
    for (const partition of partitions) {
      const range = ranges.get(partition);
      if (range === undefined) continue;
      const { next, end, left } = range;
      // A broker gives whole batches, which may begin before the offset.
      const own = (answered.get(partition) ?? []).filter(({ offset }) => BigInt(offset) >= next);
      const taken = own.filter(({ isControlRecord }) => isControlRecord !== true);
      found.push(...taken.map((message) => ({ ...message, partition })));
      const last = own.at(-1);
      const after = last === undefined ? end : BigInt(last.offset) + 1n;
      if (after >= end || taken.length >= left) ranges.delete(partition);
      else ranges.set(partition, { next: after, end, left: left - taken.length });
    }
  }
  return found;
}

function bound(found: readonly FoundMessage[], bytes: number, isCut: boolean): SeenMessages {
  const messages: SeenMessage[] = [];
  let left = bytes;
  for (const raw of found) {
    const message = toSeen(raw);
    left -= new TextEncoder().encode(JSON.stringify(message)).length;
    // One message is always taken: without it the caller would not learn what is too large.
    if (left < 0 && messages.length > 0) return { messages, cut: true };
    messages.push(message);
  }
  return { messages, cut: isCut };
}

function toSeen({ partition, offset, timestamp, key, value, headers }: FoundMessage): SeenMessage {
  const time = new Date(Number(timestamp));
  return {
    partition,
    offset,
    time: Number.isNaN(time.getTime()) ? null : time.toISOString(),
    key: decode(key),
    value: decode(value),
    headers: Object.fromEntries(
      Object.entries(headers ?? {}).map(([name, part]) => [
        name,
        Array.isArray(part) ? part.map(decode) : decode(part ?? null),
      ]),
    ),
  };
}

/** JSON or text; other bytes by their number, with the schema that a registry's framing names. */
function decode(bytes: Uint8Array | null): JsonValue {
  if (bytes === null) return null;
  const plain = new Uint8Array(bytes);
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(plain);
    if (!text.includes("\0")) return /^\s*[[{]/.test(text) ? tryJson(text) : cut(text);
  } catch {
    // No text.
  }
  const isFramed = plain[0] === 0 && plain.byteLength > 5;
  return { bytes: plain.byteLength, ...(isFramed && { schema_id: new DataView(plain.buffer).getUint32(1) }) };
}

function tryJson(text: string): JsonValue {
  try {
    return text.length <= CELL ? (JSON.parse(text) as JsonValue) : cut(text);
  } catch {
    return cut(text);
  }
}

function cut(text: string): string {
  return text.length <= CELL ? text : `${text.slice(0, CELL)}…`;
}
