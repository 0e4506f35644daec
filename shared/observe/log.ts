import type { JsonValue } from "../encoding/json.ts";
import { maskText } from "../redact/mask-text.ts";
import { isLogged, type Level, type LogSettings, readLogSettings } from "./log-settings.ts";
import { currentTrace } from "./trace.ts";

export type { Level };

let settings: LogSettings | undefined;

/** The settings of this Worker. The runtime gives its variables to every isolate, also to objects and consumers. */
export function logSettings(): LogSettings {
  settings ??= readLogSettings(process.env);
  return settings;
}

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
  if (!isLogged(level, logSettings())) return;
  const time = new Date().toISOString();
  const line: LogFields = { level, event, time, trace_id: currentTrace()?.id };
  for (const name in fields) line[name] = maskField(fields[name]);
  console[level](JSON.stringify(line));
}

/** Masks the strings of a field. Most fields are strings and numbers, which need no serialiser. */
function maskField(value: LogFields[string]): LogFields[string] {
  if (typeof value === "string") return maskLine(value);
  if (typeof value !== "object" || value === null) return value;
  return JSON.parse(
    JSON.stringify(value, (_name, inner) => (typeof inner === "string" ? maskLine(inner) : inner)),
  );
}

function maskLine(value: string): string {
  if (HARMLESS.test(value) || clean.has(value)) return value;
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
