import type { CachedAnswer } from "../../shared/call/cached-answer.ts";

/** Milliseconds for which a catalogue is used without a look at the database. */
const FRESH_MS = 60_000;

/** Milliseconds for which a catalogue is used when the database cannot be asked. */
const STALE_MS = 15 * 60_000;

/** Catalogues in an isolate. */
const KEPT = 50;

interface Remembered {
  at: number;
  items: readonly unknown[];
}

const remembered = new Map<string, Remembered>();

/**
 * The catalogue of one revision of a connection, read at most once a minute and isolate. A database that is away
 * leaves the last one in use for a quarter of an hour, as a stale one: what it exposes changes seldom.
 *
 * @param fromCache - told when it was not read now
 */
export async function rememberCatalogue<Item>(
  key: string,
  read: () => Promise<readonly Item[]>,
  fromCache: (cached: CachedAnswer) => void = () => {},
  now = Date.now(),
): Promise<readonly Item[]> {
  const known = remembered.get(key);
  const use = ({ at, items }: Remembered, stale: boolean) => {
    fromCache({ readAt: at, stale });
    return items as readonly Item[];
  };
  if (known && now - known.at < FRESH_MS) return use(known, false);
  try {
    const items = await read();
    remembered.delete(key);
    remembered.set(key, { at: now, items });
    const [oldest] = remembered.keys();
    if (remembered.size > KEPT && oldest !== undefined) remembered.delete(oldest);
    return items;
  } catch (failure) {
    if (known && now - known.at < STALE_MS) return use(known, true);
    throw failure;
  }
}
