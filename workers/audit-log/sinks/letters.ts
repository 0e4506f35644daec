import type { Link } from "../../../shared/audit/chain.ts";
import { StoredTrail } from "../../../shared/audit/read-stored.ts";
import { trailSource } from "../trail-source.ts";
import { type RefusedRecord, RefusedRecords } from "./refusals.ts";
import type { AuditSink } from "./sink.ts";

/** Milliseconds after which a refused record is tried again, and most of them in one run. */
const RETRY_MS = 60 * 60_000;
const MOST = 20;

const KEEP = `
  INSERT INTO audit_sink_letter (sink, chain, sequence, reason, at, tried_at)
  SELECT ?1, value ->> 'chain', value ->> 'sequence', value ->> 'reason', ?3, ?3 FROM json_each(?2) WHERE true
  ON CONFLICT DO UPDATE SET reason = excluded.reason, tries = tries + 1, tried_at = excluded.tried_at`;

const DUE = `
  SELECT chain, sequence FROM audit_sink_letter WHERE sink = ?1 AND tried_at <= ?2 ORDER BY tried_at LIMIT ${MOST}`;

const REMOVE = `
  DELETE FROM audit_sink_letter
   WHERE sink = ?1 AND (chain, sequence) IN (SELECT value ->> 'chain', value ->> 'sequence' FROM json_each(?2))`;

/** Notes records that the receiver of a sink refused, or one more try of them. `now` in milliseconds. */
export async function keepLetters(
  database: D1Database,
  sink: string,
  refused: readonly RefusedRecord[],
  now: number,
): Promise<void> {
  const rows = refused.map(({ link: { chain, sequence }, reason }) => ({ chain, sequence, reason }));
  await database.prepare(KEEP).bind(sink, JSON.stringify(rows), now).run();
}

/**
 * Writes refused records again, each by itself and at most once an hour. One that the trail has removed meanwhile is
 * forgotten. Throws when the receiver does not answer.
 */
export async function retryLetters(env: Env, sink: AuditSink, now: number): Promise<void> {
  const database = env.PLATFORM_DB;
  const { results } = await database
    .prepare(DUE)
    .bind(sink.name, now - RETRY_MS)
    .all<Pick<Link, "chain" | "sequence">>();
  const trail = new StoredTrail(trailSource(env));
  for (const letter of results) {
    try {
      const { chain, sequence } = letter;
      const [link] = await trail.readChain(chain, { from: sequence, through: sequence, most: 1 });
      if (link !== undefined) await sink.write(env, [link], `letter-${link.hash.slice(0, 32)}`);
      await database
        .prepare(REMOVE)
        .bind(sink.name, JSON.stringify([letter]))
        .run();
    } catch (failure) {
      if (!(failure instanceof RefusedRecords)) throw failure;
      await keepLetters(database, sink.name, failure.refused, now);
    }
  }
}

/** Makes every refused record due, for the next run. */
export async function makeLettersDue(database: D1Database): Promise<void> {
  await database.prepare("UPDATE audit_sink_letter SET tried_at = 0").run();
}
