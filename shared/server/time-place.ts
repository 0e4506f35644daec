import { z } from "zod";
import type { EventOccurrence, EventPage } from "./define-event.ts";

/**
 * Milliseconds that are looked at again: a write may become visible after a later one, because its time is that of the
 * call, not of its end.
 */
const OVERLAP_MS = 60_000;

/** Most occurrences of the overlap that a place remembers. Beyond it, some come a second time under the same id. */
const REMEMBERED = 500;

const place = z.object({
  at: z.iso.datetime(),
  /** Occurrences of the overlap, each with its time. */
  seen: z.array(z.tuple([z.string(), z.string()])).max(REMEMBERED),
});

/** A place among occurrences that are ordered by times of several writers. */
type TimePlace = z.output<typeof place>;

/**
 * Reads a page of occurrences that have a time and no number. `list` gives those after a time, oldest first, at most so
 * many.
 *
 * @param after - position of an earlier page; `null` for now
 */
export async function readByTime<Data>(
  after: string | null,
  limit: number,
  now: Date,
  list: (since: string, limit: number) => Promise<readonly Omit<EventOccurrence<Data>, "position">[]>,
): Promise<EventPage<Data>> {
  const start = after === null ? { at: now.toISOString(), seen: [] } : place.parse(JSON.parse(after));
  const since = new Date(Date.parse(start.at) - OVERLAP_MS).toISOString();
  const found = await list(since, after === null ? REMEMBERED : limit + start.seen.length);
  if (after === null) {
    const seen = found.map(({ id, at }): [string, string] => [id, at]);
    return { events: [], position: JSON.stringify({ ...start, seen }), more: false };
  }
  const known = new Set(start.seen.map(([id]) => id));
  const fresh = found.filter(({ id }) => !known.has(id)).slice(0, limit);
  let current: TimePlace = start;
  const events = fresh.map((one) => {
    current = moveOn(current, one.id, one.at);
    return { ...one, position: JSON.stringify(current) };
  });
  return { events, position: JSON.stringify(current), more: fresh.length === limit };
}

function moveOn({ at, seen }: TimePlace, id: string, time: string): TimePlace {
  const newest = time > at ? time : at;
  const since = new Date(Date.parse(newest) - OVERLAP_MS).toISOString();
  const kept = [...seen.filter(([, seenAt]) => seenAt > since), [id, time] as [string, string]];
  return { at: newest, seen: kept.slice(-REMEMBERED) };
}
