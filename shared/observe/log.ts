import type { JsonValue } from "../mcp/json.ts";

/** Log levels, quietest last. */
export type Level = "debug" | "info" | "warn" | "error";

/** Fields of a log line. Never arguments, results, tokens or personal data: ids, names, codes and numbers. */
export type LogFields = Record<string, JsonValue | undefined>;

/**
 * Writes one structured line: JSON with `level`, `event` and the fields. Workers Logs and Logpush index it as is.
 */
export function log(level: Level, event: string, fields: LogFields): void {
  console[level](JSON.stringify({ level, event, time: new Date().toISOString(), ...fields }));
}

/** Logs an unexpected failure with its stack and returns the event id under which it can be found. */
export function logFailure(event: string, failure: unknown, fields: LogFields = {}): string {
  const eventId = crypto.randomUUID();
  const error = failure instanceof Error ? failure : new Error(String(failure));
  log("error", event, { event_id: eventId, error: error.message, stack: error.stack, ...fields });
  return eventId;
}
