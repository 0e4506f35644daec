import type { RawMessage } from "./driver.ts";
import { emptyRoom, Reader, type Room, readBatches, UnreadableAnswer } from "./records.ts";

/** The version of the request that is sent: the first one with batches of records, which every broker since 0.11 knows. */
const VERSION = 4;

/** Bytes of the smallest topic, partition and aborted transaction of an answer. */
const [TOPIC, PARTITION, ABORTED] = [6, 30, 16];

type Topics = { topic: string; partitions: { partition: number; fetchOffset: string }[] }[];

/** A partition of an answer; of an `errorCode` the driver makes its error. */
interface FetchedPartition {
  partition: number;
  errorCode: number;
  messages: RawMessage[];
}

/** An answer to a fetch, as the driver takes it. */
interface Fetched {
  responses: { topicName: string; partitions: FetchedPartition[] }[];
}

interface Protocol {
  response: { decode(bytes: Uint8Array): Promise<unknown>; parse(answer: unknown): Promise<unknown> };
}

interface Definition {
  versions: (string | number)[];
  protocol(asked: { version: number }): (asked: { topics: Topics }) => Protocol;
}

/**
 * Lets the driver read an answer to a fetch with {@link readFetched}. Its own code takes time that grows with the square of
 * a message's headers, fails at 130,000 messages, and keeps all of an answer in memory.
 */
export async function replaceFetch(): Promise<void> {
  const { default: driver } = (await import("kafkajs/src/protocol/requests/index.js")) as {
    default: { requests: { Fetch: Definition } };
  };
  const { Fetch: own } = driver.requests;
  if (own.versions.length === 1) return;
  driver.requests.Fetch = {
    versions: [VERSION],
    protocol: ({ version }) => {
      if (version < VERSION) throw new Error("The broker is older than Kafka 0.11.");
      const send = own.protocol({ version });
      return (asked) => {
        const sent = send(asked);
        const decode = (bytes: Uint8Array) => readFetched(bytes, asked.topics);
        return { ...sent, response: { ...sent.response, decode } };
      };
    },
  };
}

/** Reads an answer to a fetch: of each partition the messages from the asked offset on, as far as there is room for them. */
async function readFetched(bytes: Uint8Array, asked: Topics): Promise<Fetched> {
  const offsets = new Map(
    asked.flatMap(({ topic, partitions }) =>
      partitions.map(({ partition, fetchOffset }) => [`${partition} ${topic}`, BigInt(fetchOffset)]),
    ),
  );
  const reader = new Reader(bytes);
  const room = emptyRoom();
  // The time for which the broker throttles.
  reader.skip(4);
  const responses: Fetched["responses"] = [];
  for (let topics = countOf(reader, TOPIC); topics > 0; topics -= 1) {
    const topicName = reader.text(reader.int16());
    const partitions: FetchedPartition[] = [];
    for (let left = countOf(reader, PARTITION); left > 0; left -= 1)
      partitions.push(await readPartition(reader, (at) => offsets.get(`${at} ${topicName}`), room));
    responses.push({ topicName, partitions });
  }
  return { responses };
}

async function readPartition(
  reader: Reader,
  offsetOf: (partition: number) => bigint | undefined,
  room: Room,
): Promise<FetchedPartition> {
  const partition = reader.int32();
  const errorCode = reader.int16();
  // Two offsets that are not needed, and transactions that were aborted.
  reader.skip(16);
  reader.skip(countOf(reader, ABORTED) * ABORTED);
  const batches = reader.bytes(Math.max(reader.int32(), 0));
  const from = offsetOf(partition);
  // What was not asked for is not read.
  return { partition, errorCode, messages: from === undefined ? [] : await readBatches(batches, from, room) };
}

/** The length of an array, whose items have so many bytes at least; 0 where there is none. */
function countOf(reader: Reader, least: number): number {
  const count = Math.max(reader.int32(), 0);
  if (count * least > reader.left) throw new UnreadableAnswer();
  return count;
}
