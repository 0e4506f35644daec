import { keyOfFile } from "./tickets.ts";

/** Milliseconds after its end in which the contents of a ticket are still being sent to someone who came in time. */
const GRACE_MS = 10 * 60_000;

/**
 * Milliseconds after which contents without a ticket are removed: a database that went back to an earlier day has none.
 * More than a day, for which a file may wait with its approval.
 */
const FORGOTTEN_MS = 26 * 60 * 60_000;

/** Most rounds of rows, and of listed contents, in one run. */
const MOST_ROUNDS = 25;

/** Removes files whose time is over, with their contents, `rows` at a time. Returns how many tickets. */
export async function removeEndedFiles(
  env: Pick<Env, "PLATFORM_DB" | "MEDIA">,
  now: number,
  rows: number,
): Promise<number> {
  let removed = 0;
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const { results } = await env.PLATFORM_DB.prepare(
      `SELECT id FROM file_ticket WHERE expires_at < ? ORDER BY expires_at LIMIT ${rows}`,
    )
      .bind(now - GRACE_MS)
      .all<{ id: string }>();
    await remove(
      env,
      results.map(({ id }) => id),
    );
    removed += results.length;
    if (results.length < rows) break;
  }
  await removeForgotten(env.MEDIA, now - FORGOTTEN_MS, rows);
  return removed;
}

/** From somewhere in the list to its end, and then from its beginning: more than one run lists are found by another. */
async function removeForgotten(bucket: R2Bucket, before: number, rows: number): Promise<void> {
  const prefix = keyOfFile("");
  const middle = keyOfFile(crypto.randomUUID());
  let from: Pick<R2ListOptions, "startAfter" | "cursor"> | null = { startAfter: middle };
  let isSecond = false;
  for (let round = 0; round < MOST_ROUNDS && from !== null; round += 1) {
    const listed: R2Objects = await bucket.list({ prefix, limit: rows, ...from });
    const forgotten = listed.objects.filter(({ uploaded }) => uploaded.getTime() < before);
    if (forgotten.length > 0) await bucket.delete(forgotten.map(({ key }) => key));
    const isOver = isSecond && (listed.objects.at(-1)?.key ?? middle) >= middle;
    if (listed.truncated && !isOver) from = { cursor: listed.cursor };
    else {
      from = isSecond ? null : {};
      isSecond = true;
    }
  }
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
