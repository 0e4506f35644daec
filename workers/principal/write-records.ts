import { z } from "zod";
import type { Link } from "../../shared/audit/chain.ts";
import { log } from "../../shared/observe/log.ts";

/** Links per statement: far below the two megabytes that D1 binds as one value. */
const CHUNK = 500;

/** What the Principal objects send: some links of one chain, in its order. */
const MESSAGE = z.array(
  z.object({ chain: z.string(), sequence: z.int().positive(), body: z.string(), hash: z.string() }),
);

/** What this consumer needs of a Principal object. */
interface StoredListener {
  confirmStored(sequences: readonly number[]): Promise<void>;
}

const WRITE = `
  INSERT INTO audit_record (chain, sequence, hash, body)
  SELECT value ->> 'chain', value ->> 'sequence', value ->> 'hash', value ->> 'body' FROM json_each(?) WHERE true
  ON CONFLICT (chain, sequence) DO NOTHING`;

const CONFLICTS = `
  SELECT stored.chain, stored.sequence
    FROM json_each(?) AS sent
    JOIN audit_record AS stored
      ON stored.chain = sent.value ->> 'chain' AND stored.sequence = sent.value ->> 'sequence'
   WHERE stored.hash <> sent.value ->> 'hash'`;

/**
 * Queue consumer: writes records into `PLATFORM_DB`. A record that comes twice is written once, and one that comes
 * before its predecessor waits for nobody, because its place is its sequence number. What is written is confirmed to
 * the chain's object. A database that fails makes
 * everything be delivered again; a message that cannot be read is retried alone and ends in the dead-letter queue,
 * which this consumer reads as well, once an hour (`retry_delay` in `wrangler.toml`).
 */
export async function writeRecords(batch: MessageBatch<unknown>, env: Env): Promise<void> {
  const links = batch.messages.flatMap((message) => {
    const read = MESSAGE.safeParse(message.body);
    if (read.success) return read.data;
    log("error", "audit_message_unreadable", { queue: batch.queue, message_id: message.id });
    message.retry();
    return [];
  });
  for (let start = 0; start < links.length; start += CHUNK) {
    await writeChunk(env.PLATFORM_DB, links.slice(start, start + CHUNK));
  }
  const chains = Map.groupBy(links, ({ chain }) => chain);
  await Promise.all([...chains].map(([chain, own]) => confirm(env, chain, own)));
}

/** Tells the chain's object that it may forget. When that fails it sends the records again, which does no harm. */
async function confirm(env: Env, chain: string, links: readonly Link[]): Promise<void> {
  const principal = env.PRINCIPAL.get(env.PRINCIPAL.idFromName(chain)) as unknown as StoredListener;
  await principal
    .confirmStored(links.map(({ sequence }) => sequence))
    .catch((failure: unknown) => log("warn", "audit_not_confirmed", { chain, error: String(failure) }));
}

async function writeChunk(database: D1Database, links: readonly Link[]): Promise<void> {
  const parameter = JSON.stringify(links);
  const results = await database.batch<{ chain: string; sequence: number }>([
    database.prepare(WRITE).bind(parameter),
    database.prepare(CONFLICTS).bind(parameter),
  ]);
  // The stored record stays as it is: which of the two is true is for people to find out, not to be overwritten.
  for (const { chain, sequence } of results[1]?.results ?? []) {
    log("error", "audit_record_conflict", { chain, sequence });
  }
}
