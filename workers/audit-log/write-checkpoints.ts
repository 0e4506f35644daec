import {
  type Checkpoint,
  keyIdOf,
  openSigningKey,
  type SignedHead,
  type SigningKey,
} from "../../shared/audit/checkpoint.ts";
import { NO_RECORD } from "../../shared/audit/record.ts";
import { openKeyring } from "../../shared/auth/keyring.ts";
import { canonicalize, digestText } from "../../shared/encoding/canonical-json.ts";
import { log } from "../../shared/observe/log.ts";

/** Most records that one checkpoint covers: its heads must fit into one row of D1 (two megabytes). */
const WINDOW = 10_000;

/** Milliseconds after which a checkpoint should have a successor: an hour, and the duration of a run. */
const OVERDUE_MS = 65 * 60_000;

const NEWEST = "SELECT body FROM audit_checkpoint ORDER BY number DESC LIMIT 1";

// What an earlier release stored. SQLite takes the other columns from the row that has the maximum.
const TABLE_END = `
  SELECT max(id) AS through, count(*) AS records FROM (
    SELECT id FROM audit_record
     WHERE id > ?1 AND id <= ifnull((SELECT last FROM audit_origin), ${Number.MAX_SAFE_INTEGER}) ORDER BY id LIMIT ${WINDOW})`;
const TABLE_HEADS = `
  SELECT chain, max(sequence) AS sequence, hash FROM audit_record
   WHERE id > ?1 AND id <= ?2 GROUP BY chain ORDER BY chain`;

const SEGMENTS = `
  SELECT through, heads FROM (
    SELECT through, heads, sum(records) OVER (ORDER BY through) - records AS before
      FROM (SELECT through, heads, records FROM audit_segment WHERE through > ?1 ORDER BY through LIMIT ${WINDOW / 10}))
   WHERE before < ${WINDOW}`;

const MORE = `
  SELECT EXISTS (SELECT 1 FROM audit_segment WHERE through > ?1)
      OR EXISTS (SELECT 1 FROM audit_record WHERE id > ?1 AND id <= ifnull((SELECT last FROM audit_origin), ${Number.MAX_SAFE_INTEGER})) AS more`;

const SIGNED = "UPDATE audit_segment SET heads = NULL WHERE through > ?1 AND through <= ?2";

/** The ends of chains that grew, up to an arrival number. */
interface Grown {
  through: number;
  heads: SignedHead[];
}

/**
 * Signs the heads of all chains that grew since the last checkpoint. Writes at least one checkpoint per run,
 * even without new records: an old newest checkpoint means that the end of the trail is missing. In the first
 * run with a new key the old one, if still present, signs the successor, so that a verifier that trusts the
 * old key can trust the new one.
 */
export async function writeCheckpoints(env: Env): Promise<void> {
  const [first, ...others] = openKeyring(env, "AUDIT_SIGNING_KEY");
  const newest = await openSigningKey(first.secret);
  const before = (await readNewest(env.PLATFORM_DB))?.checkpoint.publicKey;
  if (before !== undefined && before !== newest.publicKey) {
    const older = await Promise.all(others.map(({ secret }) => openSigningKey(secret)));
    const retiring = older.find(({ publicKey }) => publicKey === before);
    if (retiring) await writeCheckpoint(env.PLATFORM_DB, retiring, newest.publicKey);
  }
  while (await writeCheckpoint(env.PLATFORM_DB, newest));
}

/**
 * Writes checkpoints if the newest is overdue because the hourly run failed or did not finish. Called every
 * few minutes, so that a short outage of the database does not leave the trail unsigned for an hour.
 */
export async function writeOverdueCheckpoints(env: Env): Promise<void> {
  const last = await readNewest(env.PLATFORM_DB);
  if (last === null || Date.now() - last.checkpoint.at >= OVERDUE_MS) await writeCheckpoints(env);
}

/** Writes one checkpoint. `true` if there may be more to sign. */
async function writeCheckpoint(database: D1Database, key: SigningKey, successor?: string): Promise<boolean> {
  const last = await readNewest(database);
  const since = last?.checkpoint.through ?? 0;
  const { through, heads } = await readGrown(database, since);
  const checkpoint: Checkpoint = {
    version: 1,
    number: (last?.checkpoint.number ?? 0) + 1,
    at: Date.now(),
    previous: last ? digestText(last.body) : NO_RECORD,
    through,
    publicKey: key.publicKey,
    ...(successor !== undefined && { successor }),
    heads,
  };
  const body = canonicalize(checkpoint);
  const keyId = keyIdOf(key.publicKey);
  await database.batch([
    database
      .prepare("INSERT INTO audit_checkpoint (number, body, key_id, signature) VALUES (?, ?, ?, ?)")
      .bind(checkpoint.number, body, keyId, await key.sign(body)),
    // The heads are in the checkpoint now.
    database.prepare(SIGNED).bind(since, through),
  ]);
  // The log is independent of the database: it too states what was signed, and by which key.
  log("info", "audit_checkpoint", {
    number: checkpoint.number,
    key_id: keyId,
    ...(successor !== undefined && { successor: keyIdOf(successor) }),
    chains: heads.length,
    hash: digestText(body),
  });
  return (await database.prepare(MORE).bind(through).first<number>("more")) === 1;
}

async function readGrown(database: D1Database, since: number): Promise<Grown> {
  const end = await database
    .prepare(TABLE_END)
    .bind(since)
    .first<{ through: number | null; records: number }>();
  if (end !== null && end.through !== null) {
    const { results } = await database.prepare(TABLE_HEADS).bind(since, end.through).all<SignedHead>();
    return { through: end.through, heads: results };
  }
  const { results } = await database
    .prepare(SEGMENTS)
    .bind(since)
    .all<{ through: number; heads: string | null }>();
  const newest = new Map<string, SignedHead>();
  for (const { heads } of results) {
    for (const [chain, sequence, hash] of JSON.parse(heads ?? "[]") as [string, number, string][]) {
      if (sequence > (newest.get(chain)?.sequence ?? 0)) newest.set(chain, { chain, sequence, hash });
    }
  }
  const heads = [...newest.values()].sort((a, b) => (a.chain < b.chain ? -1 : 1));
  return { through: results.at(-1)?.through ?? since, heads };
}

async function readNewest(database: D1Database): Promise<{ body: string; checkpoint: Checkpoint } | null> {
  const row = await database.prepare(NEWEST).first<{ body: string }>();
  return row && { body: row.body, checkpoint: JSON.parse(row.body) as Checkpoint };
}
