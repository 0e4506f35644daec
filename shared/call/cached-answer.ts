import { isRecord } from "../encoding/is-record.ts";
import type { JsonValue } from "../encoding/json.ts";

/** What a call read from a cache. */
export interface CachedAnswer {
  /** When the other system was asked, in milliseconds since the epoch. */
  readAt: number;
  /** Whether it is older than its owner calls fresh. */
  stale: boolean;
}

/** Member of a result's `_meta` that says that it, or a part of it, comes from a cache. */
const CACHE_KEY = "gatehouse/cache";

/** The one that says more: what is stale, then what is older. */
export function olderOf(one: CachedAnswer | undefined, other: CachedAnswer): CachedAnswer {
  if (one === undefined || (other.stale && !one.stale)) return other;
  if (one.stale && !other.stale) return one;
  return other.readAt < one.readAt ? other : one;
}

/** What a result says of its cache: a member of `_meta` always, and a sentence for the model if it is stale. */
export function describeCached(
  { readAt, stale }: CachedAnswer,
  now: number,
): { meta: Record<string, JsonValue>; sentence: string | null } {
  const at = new Date(readAt).toISOString();
  const seconds = Math.max(0, Math.round((now - readAt) / 1_000));
  return {
    meta: { [CACHE_KEY]: { read_at: at, age_seconds: seconds, stale } },
    sentence: stale
      ? `This answer is stale: it comes from a cache and was read ${seconds} seconds ago.`
      : null,
  };
}

/** What {@link describeCached} said of a result; `undefined` if it says nothing. */
export function readCached(meta: Readonly<Record<string, JsonValue>> | undefined): CachedAnswer | undefined {
  const said = meta?.[CACHE_KEY];
  if (!isRecord(said)) return undefined;
  return { readAt: Date.parse(String(said.read_at)), stale: said.stale === true };
}
