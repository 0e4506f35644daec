import { StoredTrail } from "../../../shared/audit/read-stored.ts";
import { trailSource } from "../trail-source.ts";

/** A record that the receiver of a copy refuses. Times are milliseconds since the epoch. */
export interface SinkLetter {
  sink: string;
  chain: string;
  sequence: number;
  reason: string;
  at: number;
  tries: number;
  /** 0 for one that is due. */
  triedAt: number;
  /** JSON of the record and its event; `null` for one that the trail has removed. */
  body: string | null;
}

/** Refused records as pages list them, and how many there are. */
export interface SinkLetters {
  letters: SinkLetter[];
  total: number;
}

/** Records on one page: each may be in another segment of the trail. */
const PAGE_SIZE = 20;

/**
 * The records that receivers refuse, those first that are tried first.
 *
 * @param withBodies - reads what the trail has of each as well; without it every `body` is `null`
 */
export async function listSinkLetters(env: Env, withBodies: boolean): Promise<SinkLetters> {
  const [rows, total] = await Promise.all([
    env.PLATFORM_DB.prepare(
      `SELECT sink, chain, sequence, reason, at, tries, tried_at AS triedAt FROM audit_sink_letter
        ORDER BY tried_at, sink, chain, sequence LIMIT ${PAGE_SIZE}`,
    ).all<Omit<SinkLetter, "body">>(),
    env.PLATFORM_DB.prepare("SELECT count(*) AS total FROM audit_sink_letter").first<number>("total"),
  ]);
  if (!withBodies) return { letters: rows.results.map((row) => ({ ...row, body: null })), total: total ?? 0 };
  const trail = new StoredTrail(trailSource(env));
  const letters: SinkLetter[] = [];
  // One after the other: the reader keeps the segments of the last ones.
  for (const row of rows.results) {
    const { chain, sequence } = row;
    const [link] = await trail.readChain(chain, { from: sequence, through: sequence, most: 1 });
    letters.push({ ...row, body: link === undefined ? null : (link.event ?? link.body) });
  }
  return { letters, total: total ?? 0 };
}
