import { isKeyId } from "../../../shared/auth/access-key.ts";
import { toDisplayText } from "../../../shared/text/display-text.ts";

/** Most characters of an app's own name on a page of the console. */
const NAME_LENGTH = 60;

/** Most registered apps that are looked up for one page. */
const MOST_APPS = 60;

/** Names by id; an id without a name is left out. */
export type Names = ReadonlyMap<string, string>;

type Named = { id: string; name: string };

/** The names of people, those of disabled accounts included. */
export async function namePeople(database: D1Database, ids: readonly string[]): Promise<Names> {
  if (ids.length === 0) return new Map();
  const { results } = await database
    .prepare(`SELECT "id", "name" FROM "user" WHERE "id" IN (SELECT value FROM json_each(?))`)
    .bind(JSON.stringify(ids))
    .all<Named>();
  return new Map(results.map(({ id, name }) => [id, toDisplayText(name, NAME_LENGTH)]));
}

/**
 * The names of apps and API keys: as they call themselves, as their owner or an administrator named them, or the host of
 * an app that is known by its address. Asks no other system.
 */
export async function nameApps(env: Env, ids: readonly string[]): Promise<Names> {
  const different = [...new Set(ids)];
  const [keys, registered] = await env.PLATFORM_DB.batch<Named>([
    env.PLATFORM_DB.prepare(
      "SELECT id, name FROM access_key WHERE id IN (SELECT value FROM json_each(?))",
    ).bind(JSON.stringify(different)),
    env.PLATFORM_DB.prepare(
      `SELECT client_id AS id, record ->> '$.clientName' AS name FROM registered_client
        WHERE client_id IN (SELECT value FROM json_each(?))`,
    ).bind(JSON.stringify(different)),
  ]);
  const found = new Map<string, string | null>();
  for (const { id, name } of keys?.results ?? []) found.set(id, `${name} (API key)`);
  for (const { id, name } of registered?.results ?? []) found.set(id, name);
  const others = different.filter((id) => !found.has(id) && !isKeyId(id)).slice(0, MOST_APPS);
  await Promise.all(others.map(async (id) => found.set(id, await nameClient(env, id))));
  return new Map(
    [...found].flatMap(([id, name]) => {
      const shown = toDisplayText(name ?? "", NAME_LENGTH);
      return shown === "" ? [] : [[id, shown] as const];
    }),
  );
}

async function nameClient(env: Env, id: string): Promise<string | null> {
  const url = URL.canParse(id) ? new URL(id) : null;
  if (url !== null) return url.host;
  const record = await env.OAUTH_KV.get<{ clientName?: unknown }>(`client:${id}`, "json").catch(() => null);
  return typeof record?.clientName === "string" ? record.clientName : null;
}
