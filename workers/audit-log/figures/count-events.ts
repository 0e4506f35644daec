import { ADD_WORDS, BEGIN_CALLS, END_CALLS, ENTER_CALLS, traceOf, WRITE_TRACES } from "./call-entries.ts";
import type { Countable } from "./countable.ts";
import { COUNT_REST, COUNT_SUMS, LEARN_COUNTRIES, WRITE_REASONS } from "./statements.ts";
import { endingOf, findWhole, operationOf, sumCalls, type WholeCall } from "./sum-calls.ts";

/** What the numbers of a batch's events count from. */
interface Origin {
  /** The place before a batch of `audit_record`: it counts only while this is still the place. Otherwise `null`. */
  before: number | null;
  /** The segment that the batch became; `null` when the numbers are those of `audit_record`. */
  digest: string | null;
}

/**
 * The statements that count a batch of events and write its calls into the search, in their order, for one transaction. Of a
 * whole call everything is known here, so that the database only writes what is summed up; the other events are joined with
 * what was stored before, in the database.
 */
export function countEvents(
  database: D1Database,
  events: readonly Countable[],
  { before, digest }: Origin,
): D1PreparedStatement[] {
  const { whole, rest } = findWhole(events);
  const statements: D1PreparedStatement[] = [];
  const write = (sql: string, rows: unknown, ...others: unknown[]) =>
    statements.push(database.prepare(sql).bind(JSON.stringify(rows), before, ...others));
  const writeAll = (sql: string, rows: readonly unknown[], ...others: unknown[]) => {
    if (rows.length > 0) write(sql, rows, ...others);
  };
  const traces = listTraces(events);
  if (traces !== null) write(WRITE_TRACES, traces, digest);
  if (whole.length > 0) {
    write(ADD_WORDS, listWords(whole));
    write(ENTER_CALLS, groupEntries(whole), digest);
    write(COUNT_SUMS, { oldest: Math.min(...whole.map(({ intent }) => intent.at)), rows: sumCalls(whole) });
  }
  writeAll(WRITE_REASONS, sumReasons(events, whole));
  writeAll(LEARN_COUNTRIES, listCountries(events));
  // The other types are counted by now.
  const calls = rest.filter(({ type }) => type === "intent" || type === "denial" || type === "outcome");
  if (calls.length > 0)
    for (const sql of [...BEGIN_CALLS, ...COUNT_REST, ...END_CALLS]) write(sql, calls, digest);
  return statements;
}

/** The texts that rows of calls name by a number. */
function listWords(calls: readonly WholeCall[]): string[] {
  const words = new Set<string>();
  for (const { intent, outcome } of calls) {
    const { clientId, rule } = intent.event;
    for (const word of [intent.chain, clientId, operationOf(intent.event), rule, outcome.event.error])
      if (word !== undefined && word !== null) words.add(word);
  }
  return [...words];
}

/** Rows of calls, below what calls of one person, app, operation, rule and error share. */
function groupEntries(calls: readonly WholeCall[]) {
  const groups = Map.groupBy(calls, ({ intent: { chain, event }, outcome }) =>
    JSON.stringify([chain, event.clientId, operationOf(event), event.rule, outcome.event.error ?? null]),
  );
  return [...groups].map(([words, own]) => [
    ...(JSON.parse(words) as (string | null)[]),
    own.map(({ intent: { at, id, sequence, session, event }, outcome }) => [
      at,
      id,
      event.callId,
      sequence,
      event.traceId,
      session,
      event.decision,
      endingOf(outcome.event),
      outcome.event.durationMs,
    ]),
  ]);
}

/** The traces of the calls that begin in a batch, as one row; `null` without any. */
function listTraces(events: readonly Countable[]) {
  const calls = events.filter(({ type }) => type === "intent" || type === "denial");
  if (calls.length === 0) return null;
  const [ids, times] = [calls.map(({ id }) => id), calls.map(({ at }) => at)];
  return {
    last: Math.max(...ids),
    first: Math.min(...ids),
    at: Math.min(...times),
    until: Math.max(...times),
    traces: calls.map(({ event }) => traceOf(event.traceId ?? "")).join(""),
  };
}

/** How often what happened, by minute: denials and their rules, errors, steps of approvals, sign-ins. */
function sumReasons(events: readonly Countable[], whole: readonly WholeCall[]) {
  const reasons = new Map<string, [kind: string, name: string, minute: number, count: number]>();
  const note = (kind: string, name: string | null | undefined, at: number) => {
    if (name === undefined || name === null) return;
    const minute = at - (at % 60_000);
    const key = `${kind} ${minute} ${name}`;
    const row = reasons.get(key) ?? [kind, name, minute, 0];
    row[3] += 1;
    reasons.set(key, row);
  };
  for (const { type, at, event } of events) {
    if (type === "denial") {
      note("denial", event.decision, at);
      note("rule", event.rule, at);
    } else if (type === "sign_in") note("sign_in", event.succeeded ? "succeeded" : "failed", at);
    else if (APPROVAL_TYPES.has(type)) note("approval", type.slice("approval_".length), at);
  }
  for (const { outcome } of whole) note("error", outcome.event.error, outcome.at);
  return [...reasons.values()];
}

const APPROVAL_STEPS = ["requested", "granted", "refused", "expired", "executed", "returned"] as const;
const APPROVAL_TYPES: ReadonlySet<string> = new Set(APPROVAL_STEPS.map((step) => `approval_${step}`));

/** What Cloudflare does not know (XX), and Tor (T1), which is no place. */
const NO_COUNTRY: ReadonlySet<string> = new Set(["XX", "T1"]);

/** From where people called with their apps. Admitted calls alone: one that is refused would make its country a known one. */
function listCountries(events: readonly Countable[]) {
  const seen = new Map<string, [person: string, app: string, country: string, first: number, last: number]>();
  for (const { type, chain, at, event } of events) {
    const { clientId, country } = event;
    if (type !== "intent" || clientId === undefined || typeof country !== "string") continue;
    if (country.length !== 2 || NO_COUNTRY.has(country)) continue;
    const key = `${chain} ${clientId} ${country}`;
    const known = seen.get(key);
    if (known === undefined) seen.set(key, [chain, clientId, country, at, at]);
    else [known[3], known[4]] = [Math.min(known[3], at), Math.max(known[4], at)];
  }
  return [...seen.values()];
}
