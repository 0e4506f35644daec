import type { JsonValue } from "../mcp/json.ts";
import { maskText } from "../redact/mask-text.ts";

/** Log levels, quietest last. */
export type Level = "debug" | "info" | "warn" | "error";

const EVERYTHING = ["pii", "secret"] as const;

/** Fields of a log line. Never arguments, results, tokens or personal data: ids, names, codes and numbers. */
export type LogFields = Record<string, JsonValue | undefined>;

/**
 * Writes one structured line: JSON with `level`, `event` and the fields. Workers Logs and Logpush index it as is.
 * The text of an unexpected failure may quote anything, so every string is masked, whoever the reader is.
 */
export function log(level: Level, event: string, fields: LogFields): void {
  const line = { level, event, time: new Date().toISOString(), ...fields };
  console[level](
    JSON.stringify(line, (_name, value) => (typeof value === "string" ? maskText(value, EVERYTHING) : value)),
  );
}

/** Logs an unexpected failure with its stack and returns the event id under which it can be found. */
export function logFailure(event: string, failure: unknown, fields: LogFields = {}): string {
  const eventId = crypto.randomUUID();
  const error = failure instanceof Error ? failure : new Error(String(failure));
  log("error", event, { event_id: eventId, error: error.message, stack: error.stack, ...fields });
  return eventId;
}
