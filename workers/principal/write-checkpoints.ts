import { canonicalize, digestText } from "../../shared/audit/canonical-json.ts";
import { type Checkpoint, keyIdOf, openSigningKey, type SignedHead } from "../../shared/audit/checkpoint.ts";
import { NO_RECORD } from "../../shared/audit/record.ts";
import { log } from "../../shared/observe/log.ts";

/** Arrivals that one checkpoint covers at most: its heads must fit into one row of D1 (two megabytes). */
const WINDOW = 10_000;

const NEWEST = "SELECT body FROM audit_checkpoint ORDER BY number DESC LIMIT 1";
const WINDOW_END =
  "SELECT max(id) AS id, count(*) AS records FROM (SELECT id FROM audit_record WHERE id > ? ORDER BY id LIMIT ?)";
// SQLite takes the other columns from the row that has the maximum.
const HEADS = `
  SELECT chain, max(sequence) AS sequence, hash FROM audit_record
   WHERE id > ? AND id <= ? GROUP BY chain ORDER BY chain`;

/**
 * Signs the heads of all chains that grew since the last checkpoint. Writes at least one checkpoint a run, even when
 * nothing happened: a trail whose newest checkpoint is old has lost its end.
 */
export async function writeCheckpoints(env: Env): Promise<void> {
  const database = env.PLATFORM_DB;
  const key = await openSigningKey(env.AUDIT_SIGNING_KEY);
  for (let full = true; full; ) {
    const row = await database.prepare(NEWEST).first<{ body: string }>();
    const last = row ? (JSON.parse(row.body) as Checkpoint) : null;
    const since = last?.through ?? 0;
    const end = await database
      .prepare(WINDOW_END)
      .bind(since, WINDOW)
      .first<{ id: number | null; records: number }>();
    const through = end?.id ?? since;
    const { results: heads } = await database.prepare(HEADS).bind(since, through).all<SignedHead>();
    const checkpoint: Checkpoint = {
      version: 1,
      number: (last?.number ?? 0) + 1,
      at: Date.now(),
      previous: row ? digestText(row.body) : NO_RECORD,
      through,
      publicKey: key.publicKey,
      heads,
    };
    const body = canonicalize(checkpoint);
    const keyId = keyIdOf(key.publicKey);
    await database
      .prepare("INSERT INTO audit_checkpoint (number, body, key_id, signature) VALUES (?, ?, ?, ?)")
      .bind(checkpoint.number, body, keyId, await key.sign(body))
      .run();
    // The log is another place than the database: it too says what was signed, by which key.
    const chains = heads.length;
    log("info", "audit_checkpoint", {
      number: checkpoint.number,
      key_id: keyId,
      chains,
      hash: digestText(body),
    });
    full = end?.records === WINDOW;
  }
}
