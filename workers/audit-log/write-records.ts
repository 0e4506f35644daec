import { z } from "zod";
import type { Link } from "../../shared/audit/chain.ts";
import { commitToText } from "../../shared/audit/commitment.ts";
import type { AuditRecord, IntentEvent } from "../../shared/audit/record.ts";
import { digestText } from "../../shared/encoding/canonical-json.ts";
import { openObject } from "../../shared/objects/open-object.ts";
import { log, logFailure } from "../../shared/observe/log.ts";
import { keepDeadLetters } from "./dead-letters.ts";

/** Links per statement: far below the two megabytes that D1 binds as one value. */
const CHUNK = 500;

/**
 * Seconds until a message that could not be written is delivered again: the first of each queue, and the longest. Twice
 * as many with each try. A hundred tries, which is the most that Queues allow, bridge 15 hours in the first queue with
 * never more than ten minutes in between, and four days in the one for dead letters.
 */
const RETRY_SECONDS = { first: 10, longest: 600 } as const;
const DEAD_RETRY_SECONDS = { first: 60, longest: 3_600 } as const;

/** Deliveries after which a message that cannot be read is kept with the reason. */
const READ_TRIES = 5;

/**
 * What the Principal objects send: some links of one chain, in its order. Those of version 1 have no event. A link is
 * looked at closely, because one that the database cannot take would hold up everything that travels with it.
 */
const MESSAGE = z.array(
  z
    .object({
      chain: z.string(),
      sequence: z.int().positive(),
      body: z.string(),
      hash: z.string(),
      salt: z.string().nullable().default(null),
      event: z.string().nullable().default(null),
    })
    .refine(isWhole, "is not the record that it says it is"),
);

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

/** What became of a message's body: its links, or why it has none. */
export type ReadMessage = { links: Link[] } | { reason: string };

/** Reads the body of a message. */
export function readMessage(body: unknown): ReadMessage {
  const read = MESSAGE.safeParse(body);
  if (read.success) return { links: read.data };
  const [issue] = read.error.issues;
  return { reason: `Not a list of records: ${issue?.path.join(".") || "the message"}: ${issue?.message}` };
}

/**
 * Queue consumer: writes records into `PLATFORM_DB`. A record that comes twice is written once, and one that comes
 * before its predecessor waits for nobody, because its place is its sequence number. What is written is confirmed to
 * the chain's object. While the database is away everything is delivered again, with growing delays. A message that
 * cannot be read is retried alone, in case the next release is on its way; then it is kept with the reason, see
 * `dead-letters.ts`.
 */
export async function writeRecords(batch: MessageBatch<unknown>, env: Env): Promise<void> {
  const read = batch.messages.map((message) => ({ message, ...readMessage(message.body) }));
  const unreadable = read.flatMap((entry) => ("reason" in entry ? [entry] : []));
  for (const { message, reason } of unreadable) {
    log("error", "audit_message_unreadable", { queue: batch.queue, message_id: message.id, reason });
  }
  const dead = batch.queue.endsWith("-dead");
  const links = read.flatMap((entry) => ("links" in entry ? entry.links : []));
  const given = unreadable.filter(({ message }) => dead || message.attempts >= READ_TRIES);
  try {
    await keepDeadLetters(
      env.PLATFORM_DB,
      given.map(({ message, reason }) => ({ id: message.id, body: message.body, reason })),
      Date.now(),
    );
    for (const entry of unreadable) if (!given.includes(entry)) retryLater(entry.message, dead);
    await writeLinks(env, links);
  } catch (failure) {
    logFailure("audit_records_not_written", failure, { queue: batch.queue, ...describeOldest(links) });
    for (const message of batch.messages) retryLater(message, dead);
  }
}

function retryLater(message: Message<unknown>, dead: boolean): void {
  const { first, longest } = dead ? DEAD_RETRY_SECONDS : RETRY_SECONDS;
  const tries = message.attempts || 1;
  message.retry({ delaySeconds: Math.min(first * 2 ** (tries - 1), longest) });
}

/** The oldest of these records, for the log. */
function describeOldest(links: readonly Link[]) {
  const records = links.map(({ body }) => JSON.parse(body) as AuditRecord);
  const oldest = records.sort((a, b) => a.at - b.at)[0];
  if (oldest === undefined) return {};
  const { chain, sequence, at } = oldest;
  return { records: links.length, chain, sequence, since: new Date(at).toISOString() };
}

/** Writes records and confirms them to their chains' objects. Throws when the database does not answer. */
export async function writeLinks(env: Env, links: readonly Link[]): Promise<void> {
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

/** Whether a link's hash, place and event are those of the record in it. */
function isWhole({ chain, sequence, body, hash, salt, event }: Link): boolean {
  try {
    if (digestText(body) !== hash) return false;
    const record = JSON.parse(body) as Partial<AuditRecord>;
    if (record.chain !== chain || record.sequence !== sequence || !Number.isSafeInteger(record.at))
      return false;
    if (event === null) return true;
    JSON.parse(event);
    return record.commitment === commitToText(salt ?? "", event);
  } catch {
    return false;
  }
}
