/** A message that could not be read. */
export interface DeadLetter {
  /** Id of the message. */
  id: string;
  body: unknown;
  /** The reason in words. */
  reason: string;
}

const KEEP = `
  INSERT INTO dead_letter (id, body, reason, at, tried_at)
  SELECT value ->> 'id', value -> 'body', value ->> 'reason', ?2, ?2 FROM json_each(?1) WHERE true
  ON CONFLICT (id) DO NOTHING`;

/** Stores dead letters for commands to list. A repeated message changes nothing. `now` in milliseconds. */
export async function keepDeadLetters(
  database: D1Database,
  letters: readonly DeadLetter[],
  now: number,
): Promise<void> {
  // One statement each: a message may have 128 kilobytes, and a batch a hundred of them.
  if (letters.length === 0) return;
  await database.batch(
    letters.map((letter) =>
      database
        .prepare(KEEP)
        .bind(JSON.stringify([{ ...letter, body: letter.body === undefined ? null : letter.body }]), now),
    ),
  );
}

/** The letters whose last try is oldest. */
export async function readDeadLetters(database: D1Database, limit: number): Promise<DeadLetter[]> {
  const { results } = await database
    .prepare("SELECT id, body, reason FROM dead_letter ORDER BY tried_at, id LIMIT ?")
    .bind(limit)
    .all<{ id: string; body: string; reason: string }>();
  return results.map(({ id, body, reason }) => ({ id, body: JSON.parse(body) as unknown, reason }));
}

/** Deletes delivered letters; for the others stores the try and its failure. */
export async function noteTries(
  database: D1Database,
  delivered: readonly string[],
  failed: readonly Omit<DeadLetter, "body">[],
  now: number,
): Promise<void> {
  await database.batch([
    database
      .prepare("DELETE FROM dead_letter WHERE id IN (SELECT value FROM json_each(?))")
      .bind(JSON.stringify(delivered)),
    database
      .prepare(
        `UPDATE dead_letter SET tries = tries + 1, tried_at = ?2, reason = sent.value ->> 'reason'
           FROM json_each(?1) AS sent WHERE dead_letter.id = sent.value ->> 'id'`,
      )
      .bind(JSON.stringify(failed), now),
  ]);
}
