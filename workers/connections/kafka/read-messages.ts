import { parseExactly } from "../../../shared/encoding/exact-json.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import { RefusedRequest } from "../connector.ts";
import { isNestedTooDeep } from "../nesting.ts";
import type { Cluster, RawMessage } from "./driver.ts";
import type { PartitionOffsets, PeekOperation, SeenMessage, SeenMessages } from "./operation.ts";

/** Kafka's names of the two ends of a partition. */
const EARLIEST = -2;
const LATEST = -1;

/** Most bytes that one look fetches in all its rounds, and at once: the driver keeps each message of an answer as an object. */
const MOST_BYTES = 4_000_000;
const MOST_AT_ONCE = 1_000_000;

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

/** What is left of a look: bytes to fetch, and time, up to a moment in milliseconds since the epoch. */
interface Budget {
  bytes: number;
  until: number;
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

/**
 * Messages of a topic from an offset or a time on, or the newest ones. Joins no group and commits nothing. When its
 * bytes or `timeoutMs` are used up it answers with what it has.
 *
 * @param onPart - called if it ended before it had looked at all that was asked for
 */
export async function peek(
  cluster: Cluster,
  { topic, partition, from, rows, bytes }: PeekOperation,
  timeoutMs: number,
  onPart: () => void = () => {},
): Promise<SeenMessages> {
  const budget: Budget = { bytes: MOST_BYTES, until: Date.now() + timeoutMs };
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
  for (let round = 0; round < MOST_ROUNDS && ranges.size > 0 && !isUsed(budget); round += 1) {
    const brought = await fetchRound(cluster, topic, ranges, budget);
    // What no broker gives is not there: the log was compacted, or its transaction was aborted.
    if (brought === null) ranges.clear();
    else for (const message of brought) found.push(message);
  }
  if (ranges.size > 0) onPart();
  const isNewest = from === null;
  // Times are those of producers, and need not grow: from an offset on nothing in between may be left out.
  const isByOffset = from !== null && "offset" in from;
  const keyOf = ({ offset, timestamp }: FoundMessage) => BigInt(isByOffset ? offset : timestamp);
  found.sort((one, other) => Number(keyOf(one) - keyOf(other)) || one.partition - other.partition);
  const chosen = isNewest ? found.slice(-rows).reverse() : found.slice(0, rows);
  return bound(chosen, bytes, chosen.length < found.length || ranges.size > 0);
}

function isUsed({ bytes, until }: Budget): boolean {
  return bytes <= 0 || Date.now() >= until;
}

/**
 * Takes what brokers give at once, which may be one batch each, and moves the ranges on. `null` when they gave nothing
 * at all; what the budget had no room for is left in the ranges.
 */
async function fetchRound(
  cluster: Cluster,
  topic: string,
  ranges: Map<number, Range>,
  budget: Budget,
): Promise<FoundMessage[] | null> {
  const found: FoundMessage[] = [];
  let isEmpty = true;
  for (const [nodeId, partitions] of Object.entries(
    cluster.findLeaderForPartitions(topic, [...ranges.keys()]),
  )) {
    if (isUsed(budget)) return found;
    const asked = partitions.map((partition) => ({
      partition,
      fetchOffset: String(ranges.get(partition)?.next ?? 0n),
      maxBytes: Math.min(MOST_AT_ONCE, budget.bytes),
    }));
    const ask = async () => {
      const broker = await cluster.findBroker({ nodeId });
      return await broker.fetch({
        replicaId: -1,
        isolationLevel: 1,
        maxWaitTime: WAIT_MS,
        minBytes: 1,
        maxBytes: Math.min(MOST_AT_ONCE, budget.bytes),
        topics: [{ topic, partitions: asked }],
      });
    };
    const answer = await inTime(ask(), budget.until);
    if (answer === null) return found;
    const answered = new Map(
      answer.responses.flatMap((one) => one.partitions).map((one) => [one.partition, one.messages]),
    );
    for (const partition of partitions) {
      const range = ranges.get(partition);
      if (range === undefined) continue;
      const { next, end, left } = range;
      const given = answered.get(partition) ?? [];
      for (const message of given) budget.bytes -= sizeOf(message);
      // A broker gives whole batches, which may begin before the offset.
      const own = given.filter(({ offset }) => BigInt(offset) >= next);
      const last = own.at(-1);
      // The answer was full of other partitions, or nothing is left there: the next round shows which.
      if (last === undefined) continue;
      isEmpty = false;
      const taken = own.filter(({ isControlRecord }) => isControlRecord !== true);
      // One more than are wanted tells that there are more.
      for (const message of taken.slice(0, left + 1)) found.push({ ...message, partition });
      const after = BigInt(last.offset) + 1n;
      if (after >= end || taken.length >= left) ranges.delete(partition);
      else ranges.set(partition, { next: after, end, left: left - taken.length });
    }
  }
  return isEmpty ? null : found;
}

/** The result of `work`, or `null` once it is `until`. The work goes on, and its end is not waited for. */
async function inTime<Value>(work: Promise<Value>, until: number): Promise<Value | null> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), Math.max(until - Date.now(), 0));
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    work.catch(() => undefined);
  }
}

/** Bytes of a message without its frame. */
function sizeOf({ key, value, headers }: RawMessage): number {
  const parts = [key, value, ...Object.values(headers ?? {}).flat()];
  return parts.reduce((sum, part) => sum + (part?.byteLength ?? 0), 0);
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
        Array.isArray(part) ? part.map(decode) : decode(part),
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
    return text.length <= CELL && !isNestedTooDeep(text) ? parseExactly(text) : cut(text);
  } catch {
    return cut(text);
  }
}

function cut(text: string): string {
  return text.length <= CELL ? text : `${text.slice(0, CELL)}…`;
}
