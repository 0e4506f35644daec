import type { JsonValue } from "../encoding/json.ts";
import { maskText } from "../redact/mask-text.ts";
import { currentTrace } from "./trace.ts";

/** Log levels, least severe first. */
export type Level = "debug" | "info" | "warn" | "error";

const EVERYTHING = ["pii", "secret"] as const;

/**
 * Usual forms of a field: a short identifier, a trace id, a UUID, the time. No data that masking searches for
 * has one of these forms, and the search costs more than the rest of the line.
 */
const HARMLESS =
  /^(?:[a-z_]{1,24}|[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)$/;

/** Short texts in which masking recently found nothing: the same user and app ids recur. */
const clean = new Set<string>();

/** Limits of {@link clean}: texts, and characters of each. */
const [REMEMBERED, LONGEST] = [1_000, 100];

/** Fields of a log line: ids, names, codes and numbers. Never arguments, results, tokens or personal data. */
export type LogFields = Record<string, JsonValue | undefined>;

/**
 * Writes one structured line: JSON with `level`, `event`, the trace id and the fields, ready for Workers Logs
 * and Logpush. The text of an unexpected failure may quote anything, so every string is masked.
 */
export function log(level: Level, event: string, fields: LogFields): void {
  const line = { level, event, time: new Date().toISOString(), trace_id: currentTrace()?.id, ...fields };
  console[level](JSON.stringify(line, maskField));
}

function maskField(_name: string, value: unknown): unknown {
  if (typeof value !== "string" || HARMLESS.test(value) || clean.has(value)) return value;
  const masked = maskText(value, EVERYTHING);
  if (masked === value && value.length <= LONGEST) remember(value);
  return masked;
}

function remember(text: string): void {
  if (clean.size >= REMEMBERED) clean.clear();
  clean.add(text);
}

/** Logs an unexpected failure with its stack. Returns the event id under which the log holds it. */
export function logFailure(event: string, failure: unknown, fields: LogFields = {}): string {
  const eventId = crypto.randomUUID();
  const error = failure instanceof Error ? failure : new Error(String(failure));
  log("error", event, { event_id: eventId, error: error.message, stack: error.stack, ...fields });
  return eventId;
}
