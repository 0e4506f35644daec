import { BrokenCircuitError, BulkheadRejectedError } from "cockatiel";
import type { ConnectionFailure, ConnectionTarget } from "../../../shared/objects/connection-gate.ts";
import { logFailure } from "../../../shared/observe/log.ts";
import { LostSession, RefusedRequest } from "../../connections/connector.ts";
import { loadConnector } from "../../connections/load-connector.ts";
import { Outage } from "./outage.ts";
import { TimedOut } from "./within.ts";

/** No socket became free within the time of the call. */
export const WAITED_TOO_LONG: ConnectionFailure = {
  code: "timeout",
  message: "The call waited too long for the connection.",
  sent: false,
};

/** A call that failed. */
interface FailedCall {
  connection: string;
  title: string;
  repeatable: boolean;
}

/** What a caller is told, and the sentence for operators; `null` for a failure that is the request's own. */
export interface ExplainedFailure {
  said: ConnectionFailure;
  noted: string | null;
}

/**
 * Our words for what ended a call. An outage is logged under an event id.
 *
 * @param secondsUntilProbe - when the breaker tries the system again
 */
export function explainFailure(
  failure: unknown,
  { connection, title, repeatable }: FailedCall,
  secondsUntilProbe: () => number,
): ExplainedFailure {
  if (failure instanceof RefusedRequest) {
    const { code, message } = failure.failure;
    return { said: failure.failure, noted: code === "unavailable" ? message : null };
  }
  if (failure instanceof BulkheadRejectedError) {
    const message = `Too many calls use ${title} at this moment.`;
    return { said: { code: "unavailable", message, retryAfter: 2, sent: false }, noted: null };
  }
  if (failure instanceof BrokenCircuitError) {
    const retryAfter = secondsUntilProbe();
    return { said: { ...describeOutage(title), retryAfter, sent: false }, noted: null };
  }
  const cause = failure instanceof Outage ? failure.cause : failure;
  const eventId = logFailure("connection_failed", cause, { connection });
  const described = describeOutage(title, eventId);
  const isSent = !(failure instanceof Outage) || failure.isSent;
  if (!repeatable && failure instanceof Outage && isSent)
    return { said: notKnown(`${title} did not answer. Event id: ${eventId}.`), noted: described.message };
  return { said: isSent ? described : { ...described, sent: false }, noted: described.message };
}

/** The system is away. */
export function describeOutage(title: string, eventId?: string): ConnectionFailure {
  const event = eventId === undefined ? "" : ` Event id: ${eventId}.`;
  return { code: "unavailable", message: `${title} cannot be reached right now.${event}`, retryAfter: 5 };
}

/** It may have been carried out. */
export function notKnown(what: string): ConnectionFailure {
  return { code: "outcome_unknown", message: `${what} It is not known whether it was carried out.` };
}

/** A refusal in our own words, or an {@link Outage}, of what a request at a session failed with. */
export async function classifyFailure(failure: unknown, target: ConnectionTarget): Promise<unknown> {
  if (failure instanceof RefusedRequest) return failure;
  if (failure instanceof LostSession) return new Outage(false, failure);
  const connector = await loadConnector(target);
  const known = failure instanceof TimedOut ? null : connector.explain(failure, target);
  return known === null ? new Outage(true, failure) : new RefusedRequest(known);
}
