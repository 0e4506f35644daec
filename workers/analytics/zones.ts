import { ToolError } from "../../shared/call/tool-error.ts";
import { addDays } from "./days.ts";
import type { Period } from "./periods.ts";

/** A span of local days as moments, with the clock's offset from UTC in each part of it. */
export interface ZoneSpan {
  /** IANA name as it was understood, such as `Europe/Berlin`. */
  name: string;
  /** First moment of the span and the first after it, `YYYY-MM-DDTHH:MM:SSZ`. */
  from: string;
  to: string;
  /** In order; each offset holds until its moment, the last one to the end. Minutes east of UTC. */
  offsets: { until: string; minutes: number }[];
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** Clocks are changed at most twice in so many days: Morocco puts them back for the month of Ramadan. */
const STEP_DAYS = 7;

/**
 * Reads a time zone; `undefined` for UTC. Throws `invalid_input` for a name that the IANA database does not
 * have.
 */
export function parseZone(name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  try {
    const zone = new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone;
    return /^(?:UTC|Etc\/UTC|GMT|Etc\/GMT)$/.test(zone) ? undefined : zone;
  } catch {
    throw new ToolError("invalid_input", `There is no time zone "${name.slice(0, 60)}".`, {
      suggestedAction: 'Use an IANA name such as "Europe/Berlin" or "America/New_York".',
    });
  }
}

/** The moment whose UTC reading is what the clock on the wall shows: gives "today" its local meaning. */
export function toWallClock(moment: Date, zone: string): Date {
  return new Date(moment.getTime() + offsetAt(zone, moment.getTime()) * MINUTE_MS);
}

/** A period of local days as moments. A day begins at its first moment, also where midnight was skipped. */
export function placeInZone(period: Period, zone: string): ZoneSpan {
  const [from, to] = [startOfDay(period.from, zone), startOfDay(period.to, zone)];
  const offsets: ZoneSpan["offsets"] = [];
  let minutes = offsetAt(zone, from);
  for (let at = from; at < to; at = Math.min(at + STEP_DAYS * DAY_MS, to)) {
    const next = Math.min(at + STEP_DAYS * DAY_MS, to);
    const later = offsetAt(zone, next);
    if (later === minutes) continue;
    const change = findChange(zone, at, next, minutes);
    offsets.push({ until: toStamp(change), minutes });
    minutes = later;
  }
  offsets.push({ until: toStamp(to), minutes });
  return { name: zone, from: toStamp(from), to: toStamp(to), offsets };
}

/** Whether the zone's days begin on full hours of UTC throughout, so that hourly sums can tell them apart. */
export function hasWholeHours(span: ZoneSpan): boolean {
  return span.offsets.every(({ minutes }) => minutes % 60 === 0);
}

/** SQL for a UTC timestamp as the clock on the wall shows it, `YYYY-MM-DD HH:MM:SS`. The numbers are ours. */
export function wallClockSql(span: ZoneSpan, moment: string): string {
  return `datetime(${moment}, ${offsetSql(span, moment, ({ minutes }) => `${minutes} minutes`)})`;
}

/** SQL for the local hour, `2026-03-05T14:00+01:00`: the hour that the clock shows twice is two hours. */
export function localHourSql(span: ZoneSpan, moment: string): string {
  const clock = `substr(replace(${wallClockSql(span, moment)}, ' ', 'T'), 1, 13)`;
  return `${clock} || ${offsetSql(span, moment, ({ minutes }) => `:00${formatOffset(minutes)}`)}`;
}

/** Every local hour of the span with the labels of {@link localHourSql}, at most `limit` + 1. */
export function listLocalHours(span: ZoneSpan, limit: number): string[] {
  const labels = new Set<string>();
  // Half hours, because a change of the clock may be one.
  for (let at = Date.parse(span.from); at < Date.parse(span.to); at += 30 * MINUTE_MS) {
    const stamp = toStamp(at);
    const minutes = span.offsets.find(({ until }) => stamp < until)?.minutes ?? 0;
    const clock = new Date(at + minutes * MINUTE_MS).toISOString().slice(0, 13);
    labels.add(`${clock}:00${formatOffset(minutes)}`);
    if (labels.size > limit) break;
  }
  return [...labels];
}

function offsetSql(
  span: ZoneSpan,
  moment: string,
  show: (offset: ZoneSpan["offsets"][number]) => string,
): string {
  const last = span.offsets.at(-1) ?? { until: "", minutes: 0 };
  const earlier = span.offsets
    .slice(0, -1)
    .map((part) => `WHEN ${moment} < '${part.until}' THEN '${show(part)}'`);
  return earlier.length === 0 ? `'${show(last)}'` : `CASE ${earlier.join(" ")} ELSE '${show(last)}' END`;
}

function formatOffset(minutes: number): string {
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  return `${minutes < 0 ? "-" : "+"}${String(hours).padStart(2, "0")}:${String(rest).padStart(2, "0")}`;
}

function startOfDay(day: string, zone: string): number {
  const midnight = Date.parse(`${day}T00:00:00Z`);
  const candidates = [midnight - DAY_MS, midnight + DAY_MS]
    .map((near) => midnight - offsetAt(zone, near) * MINUTE_MS)
    .sort((a, b) => a - b);
  const first = candidates.find((moment) =>
    toWallClock(new Date(moment), zone).toISOString().startsWith(day),
  );
  // A day that a zone left out altogether (Samoa, 30 December 2011) begins and ends with the day after it.
  return first ?? startOfDay(addDays(day, 1), zone);
}

/** The first moment at which the offset is no longer `minutes`, to the minute, between two moments. */
function findChange(zone: string, from: number, to: number, minutes: number): number {
  let [low, high] = [from, to];
  while (high - low > MINUTE_MS) {
    const middle = low + Math.floor((high - low) / 2 / MINUTE_MS) * MINUTE_MS;
    if (offsetAt(zone, middle) === minutes) low = middle;
    else high = middle;
  }
  return high;
}

const clocks = new Map<string, Intl.DateTimeFormat>();

/** Minutes east of UTC at a moment. */
function offsetAt(zone: string, moment: number): number {
  const clock =
    clocks.get(zone) ?? new Intl.DateTimeFormat("en", { timeZone: zone, timeZoneName: "longOffset" });
  clocks.set(zone, clock);
  const shown = clock.formatToParts(moment).find(({ type }) => type === "timeZoneName")?.value ?? "GMT";
  const [, sign, hours = "0", rest = "0"] = /^GMT(?:([+-])(\d\d):(\d\d))?/.exec(shown) ?? [];
  return (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(rest));
}

function toStamp(moment: number): string {
  return `${new Date(moment).toISOString().slice(0, 19)}Z`;
}
