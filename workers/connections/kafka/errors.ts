import type { ConnectionFailure, ConnectionTarget } from "../../../shared/objects/connection-gate.ts";
import { isTooLarge } from "./bounds.ts";
import { needsTooManyBrokers } from "./brokers.ts";

/** Name of the driver's error for a request that was not answered in its time. */
export const TIMED_OUT = "KafkaJSRequestTimeoutError";

/** Our words for an error of Kafka («Protocol», error codes) or its driver; `null` when the cluster is away. */
export function explainKafka(failure: unknown, { entry, name }: ConnectionTarget): ConnectionFailure | null {
  if (!(failure instanceof Error)) return null;
  const { type = "" } = failure as { type?: string };
  if (isTooLarge(failure))
    return { code: "result_too_large", message: "The answer is too large to be read, even in parts." };
  if (needsTooManyBrokers(failure)) {
    return {
      code: "unavailable",
      message: `What is asked for is on more brokers of ${entry.title} than the five that are connected at a time.`,
      action: "Ask for one topic and partition, or ask the owner to expose fewer topics.",
    };
  }
  const text = `${failure.name} ${type} ${failure.message}`;
  if (/SASL|AUTHENTICATION/i.test(text)) {
    return {
      code: "unavailable",
      message: `${entry.title} refuses the account of this connection.`,
      action: "Ask its owner to set the password again.",
    };
  }
  if (/AUTHORIZATION_FAILED/.test(type))
    return { code: "forbidden", message: `The account of ${entry.title} may not do this.` };
  if (failure.name === "KafkaJSGroupCoordinatorNotFound") {
    return {
      code: "not_found",
      message: "The consumer group cannot be read: it is not there, or the account may not describe it.",
      action: "Leave `group` out, or ask the owner of the connection.",
    };
  }
  if (type === "UNKNOWN_TOPIC_OR_PARTITION" || type === "INVALID_TOPIC_EXCEPTION") {
    return {
      code: "not_found",
      message: "The topic is not there any more.",
      action: `Look the names up with ${name}_search_objects.`,
    };
  }
  if (type === "OFFSET_OUT_OF_RANGE")
    return {
      code: "invalid_input",
      message: "The partition has no such offset.",
      action: `Ask ${name}_read_offsets.`,
    };
  if (/MESSAGE_TOO_LARGE|RECORD_LIST_TOO_LARGE/.test(type))
    return { code: "invalid_input", message: "The message is larger than the topic takes." };
  if (/INVALID_RECORD|POLICY_VIOLATION|INVALID_REQUIRED_ACKS/.test(type))
    return { code: "invalid_input", message: `${entry.title} does not take such a message.` };
  if (type === "UNSUPPORTED_COMPRESSION_TYPE") {
    return {
      code: "invalid_input",
      message: "The messages are compressed in a way that is not read here (all but gzip).",
    };
  }
  return null;
}

/**
 * Our words for a request that the broker did not answer in its time: a look that was too large is no outage. `null`
 * for every other failure, and for a request that must not be repeated: it may have been carried out.
 */
export function explainTimeout(
  failure: unknown,
  { entry }: ConnectionTarget,
  isRepeatable: boolean,
): ConnectionFailure | null {
  if (!isRepeatable || !(failure instanceof Error) || failure.name !== TIMED_OUT) return null;
  return { code: "timeout", message: `${entry.title} did not answer within the time limit.` };
}
