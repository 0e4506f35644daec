import type { Link } from "../../../shared/audit/chain.ts";
import type { AuditRecord, IntentEvent } from "../../../shared/audit/record.ts";
import { openObject } from "../../../shared/objects/open-object.ts";
import { log } from "../../../shared/observe/log.ts";
import type { AuditSink } from "./sink.ts";

/** Links per statement: far below the two megabytes that D1 binds as one value. */
const CHUNK = 500;

/** What this consumer needs of a Principal object. */
interface StoredListener {
  confirmStored(sequences: readonly number[]): Promise<void>;
}

// A record from before the beginning of a chain that was cut had its time: it is confirmed and not written.
const WRITE = `
  INSERT INTO audit_record (chain, sequence, hash, body, salt, event)
  SELECT value ->> 'chain', value ->> 'sequence', value ->> 'hash', value ->> 'body', value ->> 'salt', value ->> 'event'
    FROM json_each(?)
   WHERE NOT EXISTS (SELECT 1 FROM audit_cut WHERE chain = value ->> 'chain' AND through >= value ->> 'sequence')
  ON CONFLICT (chain, sequence) DO NOTHING`;

/** When each app of a person last called. Nobody who was erased. */
const NOTE_USES = `
  INSERT INTO audit_last_use (chain, client_id, at)
  SELECT value ->> 'chain', value ->> 'clientId', value ->> 'at' FROM json_each(?)
   WHERE NOT EXISTS (SELECT 1 FROM erased_person WHERE user_id = value ->> 'chain')
  ON CONFLICT (chain, client_id) DO UPDATE SET at = excluded.at WHERE excluded.at > audit_last_use.at`;

// A record that comes after its neighbours were looked through is to be looked at too: see retired-calls.ts.
const LOOK_AGAIN = `
  UPDATE audit_swept SET through = sent.least - 1
    FROM (SELECT value ->> 'chain' AS chain, min(value ->> 'sequence') AS least FROM json_each(?) GROUP BY 1) AS sent
   WHERE audit_swept.chain = sent.chain AND audit_swept.through >= sent.least`;

const CONFLICTS = `
  SELECT stored.chain, stored.sequence
    FROM json_each(?) AS sent
    JOIN audit_record AS stored
      ON stored.chain = sent.value ->> 'chain' AND stored.sequence = sent.value ->> 'sequence'
   WHERE stored.hash <> sent.value ->> 'hash'`;

/**
 * The platform database: the one sink that confirms, so that a chain's object may forget what it sent. Every other sink
 * reads from here. Writing the same records again changes nothing. Throws when the database does not answer.
 */
export const d1Sink: AuditSink = { name: "d1", write: writeLinks };

async function writeLinks(env: Env, links: readonly Link[]): Promise<void> {
  for (let start = 0; start < links.length; start += CHUNK) {
    await writeChunk(env.PLATFORM_DB, links.slice(start, start + CHUNK));
  }
  const chains = Map.groupBy(links, ({ chain }) => chain);
  await Promise.all([...chains].map(([chain, own]) => confirm(env, chain, own)));
}

/** Tells the chain's object that it may forget. When that fails it sends the records again, which does no harm. */
async function confirm(env: Env, chain: string, links: readonly Link[]): Promise<void> {
  await openObject<StoredListener>(env, env.PRINCIPAL, chain, ["confirmStored"])
    .confirmStored(links.map(({ sequence }) => sequence))
    .catch((failure: unknown) => log("warn", "audit_not_confirmed", { chain, error: String(failure) }));
}

async function writeChunk(database: D1Database, links: readonly Link[]): Promise<void> {
  // What is looked for needs only its place and its hash, a tenth of what is written.
  const places = JSON.stringify(links.map(({ chain, sequence, hash }) => ({ chain, sequence, hash })));
  const results = await database.batch<{ chain: string; sequence: number }>([
    database.prepare(WRITE).bind(JSON.stringify(links)),
    database.prepare(CONFLICTS).bind(places),
    database.prepare(LOOK_AGAIN).bind(places),
    database.prepare(NOTE_USES).bind(JSON.stringify(listUses(links))),
  ]);
  // The stored record stays as it is: which of the two is true is for people to find out, not to be overwritten.
  for (const { chain, sequence } of results[1]?.results ?? []) {
    log("error", "audit_record_conflict", { chain, sequence });
  }
}

/** The newest call of each app in these records. */
function listUses(links: readonly Link[]): { chain: string; clientId: string; at: number }[] {
  const uses = new Map<string, { chain: string; clientId: string; at: number }>();
  for (const { chain, body, event } of links) {
    if (event === null) continue;
    const { type, at } = JSON.parse(body) as AuditRecord;
    if (type !== "intent") continue;
    const { clientId } = JSON.parse(event) as IntentEvent;
    const key = JSON.stringify([chain, clientId]);
    if (at >= (uses.get(key)?.at ?? 0)) uses.set(key, { chain, clientId, at });
  }
  return [...uses.values()];
}
