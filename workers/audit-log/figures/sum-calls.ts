import type { Countable } from "./countable.ts";
import { BOUNDS_MS, COUNTS, DIMENSIONS, ENDINGS, type Ending, GRAINS, STOPPED } from "./grains.ts";

/** A call whose intent and outcome, and nothing else of it, are in one batch: nothing that was stored before matters. */
export interface WholeCall {
  intent: Countable;
  outcome: Countable;
}

/** A row of counts: `member` is the app in a row of `use`, whose `person` is the user id. */
export type FigureRow = [
  grain: number,
  dimension: string,
  at: number,
  member: string,
  person: string | null,
  ...counts: number[],
];

const MINUTE_MS = 1_000 * GRAINS.minute;
const RAN: ReadonlySet<string> = new Set<Ending>(["ok", "failed"]);

/** Places in a row of {@link COUNTS}. */
const PLACE = new Map(COUNTS.map((name, place) => [name, place]));
const placeOf = (name: string) => PLACE.get(name) ?? 0;
const [CALLS, DURATION] = [placeOf("calls"), placeOf("duration_ms")];
const FIRST_BUCKET = COUNTS.length - BOUNDS_MS.length - 1;

/** Takes the whole calls out of a batch, and leaves the rest in its order. */
export function findWhole(events: readonly Countable[]): { whole: WholeCall[]; rest: Countable[] } {
  const calls = new Map<string, { intent?: Countable; outcome?: Countable; events: number }>();
  for (const one of events) {
    const { callId } = one.event;
    if (callId === undefined || !(one.type === "intent" || one.type === "outcome" || one.type === "denial"))
      continue;
    const call = calls.get(callId) ?? { events: 0 };
    call.events += 1;
    if (one.type !== "denial") call[one.type] = one;
    calls.set(callId, call);
  }
  const whole: WholeCall[] = [];
  const taken = new Set<Countable>();
  for (const { intent, outcome, events: own } of calls.values()) {
    if (own !== 2 || intent === undefined || outcome === undefined) continue;
    whole.push({ intent, outcome });
    taken.add(intent).add(outcome);
  }
  return { whole, rest: events.filter((one) => !taken.has(one)) };
}

/** How a call ended, as it is counted. */
export function endingOf({ status, error }: Countable["event"]): string {
  if (status === "input_required") return "waiting";
  if (status !== "failed") return status ?? "unknown";
  return (Object.hasOwn(STOPPED, error ?? "") && STOPPED[error ?? ""]) || "failed";
}

/** The name that calls of one operation share: `tool crm crm_find_contacts`. */
export function operationOf({ kind, server, name }: Countable["event"]): string {
  return `${kind} ${server} ${name}`;
}

/** Calls of one person, app and operation that begin or end in one minute. */
interface Group {
  at: number;
  intent: Countable;
  counts: number[];
}

/** The counts of calls: one row for each span of each thing that they are counted by. */
export function sumCalls(calls: readonly WholeCall[]): FigureRow[] {
  const groups = new Map<string, Group>();
  const groupOf = (intent: Countable, at: number): number[] => {
    const { clientId = "" } = intent.event;
    const key = `${at - (at % MINUTE_MS)} ${intent.chain} ${clientId} ${operationOf(intent.event)}`;
    const known = groups.get(key);
    if (known !== undefined) return known.counts;
    const counts = COUNTS.map(() => 0);
    groups.set(key, { at, intent, counts });
    return counts;
  };
  for (const { intent, outcome } of calls) {
    add(groupOf(intent, intent.at), CALLS, 1);
    const counts = groupOf(intent, outcome.at);
    const ending = endingOf(outcome.event);
    if ((ENDINGS as readonly string[]).includes(ending)) add(counts, placeOf(ending), 1);
    if (!RAN.has(ending)) continue;
    const { durationMs = 0 } = outcome.event;
    add(counts, DURATION, durationMs);
    const bound = BOUNDS_MS.findIndex((most) => durationMs <= most);
    add(counts, FIRST_BUCKET + (bound < 0 ? BOUNDS_MS.length : bound), 1);
  }
  const rows = new Map<string, FigureRow>();
  for (const group of groups.values()) spread(group, rows);
  return [...rows.values()];
}

function spread({ at, intent, counts }: Group, rows: Map<string, FigureRow>): void {
  const { clientId = "" } = intent.event;
  const members = { all: "", operation: operationOf(intent.event), use: clientId };
  for (const [dimension, member] of Object.entries(members) as [keyof typeof members, string][]) {
    const person = dimension === "use" ? intent.chain : null;
    for (const name of DIMENSIONS[dimension]) {
      const grain = GRAINS[name];
      const start = grain === 0 ? 0 : at - (at % (1_000 * grain));
      const key = `${grain} ${start} ${dimension} ${member} ${person}`;
      const row = rows.get(key);
      if (row === undefined) rows.set(key, [grain, dimension, start, member, person, ...counts]);
      else for (const [place, count] of counts.entries()) add(row as number[], place + 5, count);
    }
  }
}

function add(counts: number[], place: number, count: number): void {
  counts[place] = (counts[place] ?? 0) + count;
}
