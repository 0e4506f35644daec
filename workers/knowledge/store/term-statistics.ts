import type { TermStatistics } from "../search/rank-passages.ts";

/** Milliseconds for which a count is cached: the frequency of a word changes slowly. */
const BELIEVED_MS = 600_000;
const MAX_KEPT = 20_000;

interface Kept {
  holding: Map<string, number>;
  passages: number;
  since: number;
}

const kept = new WeakMap<D1Database, Kept>();

/**
 * Number of passages with each stem. Counting a frequent word walks its whole posting list, so counts are
 * cached for {@link BELIEVED_MS}; ranking tolerates slightly old counts. `passages` is the highest row id: at
 * least their number, read without counting.
 */
export async function readTermStatistics(
  db: D1Database,
  stems: Iterable<string>,
  now = Date.now(),
): Promise<TermStatistics> {
  const memory = recall(db, now);
  const missing = [...new Set(stems)].filter((stem) => !memory.holding.has(stem));
  if (missing.length > 0 || memory.passages === 0) {
    const { results } = await db
      .prepare(
        `SELECT t.term, t.doc AS held FROM json_each(?1) w JOIN passages_terms t ON t.term = w.value
        UNION ALL SELECT '', coalesce(max(id), 0) FROM passages`,
      )
      .bind(JSON.stringify(missing))
      .all<{ term: string; held: number }>();
    for (const stem of missing) memory.holding.set(stem, 0);
    for (const { term, held } of results) memory.holding.set(term, held);
    // No stem is empty: this entry is the number of passages.
    memory.passages = memory.holding.get("") ?? 0;
  }
  return memory;
}

function recall(db: D1Database, now: number): Kept {
  const memory = kept.get(db);
  if (memory && now - memory.since < BELIEVED_MS && memory.holding.size < MAX_KEPT) return memory;
  const fresh = { holding: new Map<string, number>(), passages: 0, since: now };
  kept.set(db, fresh);
  return fresh;
}
