import { keyOfFile } from "./tickets.ts";

/** Milliseconds after its end in which the contents of a ticket are still being sent to someone who came in time. */
const GRACE_MS = 10 * 60_000;

/** Milliseconds after which contents without a ticket are removed: a database that went back to an earlier day has none. */
const FORGOTTEN_MS = 24 * 60 * 60_000;

/** Removes files whose time is over, with their contents. Returns how many tickets. */
export async function removeEndedFiles(
  { PLATFORM_DB, MEDIA }: Pick<Env, "PLATFORM_DB" | "MEDIA">,
  now: number,
  rows: number,
): Promise<number> {
  const { results } = await PLATFORM_DB.prepare(
    `SELECT id FROM file_ticket WHERE expires_at < ? ORDER BY expires_at LIMIT ${rows}`,
  )
    .bind(now - GRACE_MS)
    .all<{ id: string }>();
  await remove(
    { PLATFORM_DB, MEDIA },
    results.map(({ id }) => id),
  );
  const { objects } = await MEDIA.list({ prefix: keyOfFile(""), limit: rows });
  const forgotten = objects.filter(({ uploaded }) => uploaded.getTime() < now - FORGOTTEN_MS);
  if (forgotten.length > 0) await MEDIA.delete(forgotten.map(({ key }) => key));
  return results.length;
}

/** Removes every file of a person. Returns how many. */
export async function removeFilesOf(
  env: Pick<Env, "PLATFORM_DB" | "MEDIA">,
  userId: string,
): Promise<number> {
  const { results } = await env.PLATFORM_DB.prepare("SELECT id FROM file_ticket WHERE user_id = ?")
    .bind(userId)
    .all<{ id: string }>();
  await remove(
    env,
    results.map(({ id }) => id),
  );
  return results.length;
}

/** Contents first: a row whose contents are gone is harmless, contents without a row would stay. */
async function remove(
  { PLATFORM_DB, MEDIA }: Pick<Env, "PLATFORM_DB" | "MEDIA">,
  ids: readonly string[],
): Promise<void> {
  if (ids.length === 0) return;
  for (let at = 0; at < ids.length; at += 1_000)
    await MEDIA.delete(ids.slice(at, at + 1_000).map((id) => keyOfFile(id)));
  await PLATFORM_DB.prepare("DELETE FROM file_ticket WHERE id IN (SELECT value FROM json_each(?))")
    .bind(JSON.stringify(ids))
    .run();
}
