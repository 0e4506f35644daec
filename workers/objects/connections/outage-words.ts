import type { ConnectionFailure } from "../../../shared/objects/connection-gate.ts";

/** No socket became free within the time of the call. */
export const WAITED_TOO_LONG: ConnectionFailure = {
  code: "timeout",
  message: "The call waited too long for the connection.",
  sent: false,
};

/** The system is away. */
export function describeOutage(title: string, eventId?: string): ConnectionFailure {
  const event = eventId === undefined ? "" : ` Event id: ${eventId}.`;
  return { code: "unavailable", message: `${title} cannot be reached right now.${event}`, retryAfter: 5 };
}

/** It may have been carried out. */
export function notKnown(what: string): ConnectionFailure {
  return { code: "outcome_unknown", message: `${what} It is not known whether it was carried out.` };
}
