import { readFilter } from "../console/trail/filter.ts";
import { findCalls, type ListedCall } from "../console/trail/find-calls.ts";

/** Most calls of a person that a page looks at, and that it shows of one app. */
const [LOOKED_AT, SHOWN] = [200, 1];
/** Most calls that the page of one app or key shows. */
const SHOWN_OF_ONE = 10;

/** The newest calls of each of a person's apps and keys, by client id; of those among the person's newest calls. */
export async function listRecentCalls(
  database: D1Database,
  person: string,
): Promise<ReadonlyMap<string, readonly ListedCall[]>> {
  const { calls } = await findCalls(database, filterBy({ person }), null, LOOKED_AT);
  const byApp = new Map<string, ListedCall[]>();
  for (const call of calls) {
    const known = byApp.get(call.clientId) ?? [];
    if (known.length < SHOWN) byApp.set(call.clientId, [...known, call]);
  }
  return byApp;
}

/** The newest calls of one of a person's apps or keys. */
export async function listCallsOfApp(
  database: D1Database,
  person: string,
  app: string,
): Promise<readonly ListedCall[]> {
  return (await findCalls(database, filterBy({ person, app }), null, SHOWN_OF_ONE)).calls;
}

function filterBy(wanted: { person: string; app?: string }) {
  return readFilter((name) => (wanted as Record<string, string | undefined>)[name]);
}
