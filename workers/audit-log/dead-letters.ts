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

/** A dead letter as pages list it. Times are milliseconds since the epoch. */
export interface ListedLetter {
  id: string;
  /** JSON. */
  body: string;
  reason: string;
  at: number;
  tries: number;
  triedAt: number;
}

/** Letters on one page. */
const PAGE_SIZE = 25;

/** Letters in the order in which they are tried, as many as a page has, and how many there are. */
export async function listDeadLetters(
  database: D1Database,
): Promise<{ letters: ListedLetter[]; total: number }> {
  const [letters, total] = await Promise.all([
    database
      .prepare(
        `SELECT id, body, reason, at, tries, tried_at AS triedAt FROM dead_letter ORDER BY tried_at, id LIMIT ${PAGE_SIZE}`,
      )
      .all<ListedLetter>(),
    database.prepare("SELECT count(*) AS total FROM dead_letter").first<number>("total"),
  ]);
  return { letters: letters.results, total: total ?? 0 };
}
