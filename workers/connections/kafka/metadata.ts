import { RefusedRequest } from "../connector.ts";
import { UnreadableAnswer } from "./records.ts";

/** Most brokers, topics, and partitions of all topics that an answer about a cluster may name. */
const MOST_BROKERS = 500;
const MOST_TOPICS = 20_000;
const MOST_PARTITIONS = 100_000;

/** Most lines of any answer that the driver reads, such as brokers, topics and partitions: each is an object. */
const MOST_OBJECTS = MOST_BROKERS + MOST_TOPICS + MOST_PARTITIONS;

/** An answer of any kind has too many objects. Of one to a write nothing tells whether it was carried out. */
class TooManyObjects extends UnreadableAnswer {}

/** An answer about a cluster, as the driver has read it. */
interface Metadata {
  brokers: readonly object[];
  topicMetadata: readonly { partitionMetadata: readonly object[] }[];
}

interface Protocol {
  response: { decode(bytes: Uint8Array): Promise<Metadata> };
}

interface Definition {
  protocol(asked: { version: number }): (asked: object) => Protocol;
}

let isBound = false;

/**
 * Refuses an answer about a cluster that names too many brokers, topics or partitions, before the driver takes it: it makes
 * sockets' keepers and timers of each broker, in time that grows with the square of their number.
 */
export async function boundMetadata(): Promise<void> {
  const { default: driver } = (await import("kafkajs/src/protocol/requests/index.js")) as {
    default: { requests: { Metadata: Definition } };
  };
  if (isBound) return;
  isBound = true;
  const { Metadata: own } = driver.requests;
  driver.requests.Metadata = {
    ...own,
    protocol: (version) => {
      const send = own.protocol(version);
      return (asked) => {
        const { response, ...sent } = send(asked);
        const decode = async (bytes: Uint8Array) => {
          const decoding = response.decode(bytes);
          return check(await decoding.catch(refuseTooMany));
        };
        return { ...sent, response: { ...response, decode } };
      };
    },
  };
}

/** Throws {@link UnreadableAnswer} where an answer of so many objects is more than one may have. */
export function checkObjects(count: number): void {
  if (count > MOST_OBJECTS) throw new TooManyObjects();
}

function refuseTooMany(failure: unknown): never {
  throw failure instanceof TooManyObjects ? refuse() : failure;
}

function check(metadata: Metadata): Metadata {
  const { brokers, topicMetadata } = metadata;
  const partitions = topicMetadata.reduce((sum, { partitionMetadata }) => sum + partitionMetadata.length, 0);
  if (brokers.length > MOST_BROKERS || topicMetadata.length > MOST_TOPICS || partitions > MOST_PARTITIONS)
    throw refuse();
  return metadata;
}

function refuse(): RefusedRequest {
  return new RefusedRequest({
    code: "unavailable",
    message: `The cluster names more than ${MOST_BROKERS} brokers, ${MOST_TOPICS} topics or ${MOST_PARTITIONS} partitions, and is not used.`,
    action: "Ask the owner of the connection: the account may see fewer topics.",
  });
}
