import { z } from "zod";
import type { Link } from "../../shared/audit/chain.ts";
import { commitToText } from "../../shared/audit/commitment.ts";
import type { AuditRecord } from "../../shared/audit/record.ts";
import { digestText } from "../../shared/encoding/canonical-json.ts";
import { log, logFailure } from "../../shared/observe/log.ts";
import { keepDeadLetters } from "./dead-letters.ts";
import { storeRecords } from "./store-records.ts";

/**
 * Seconds until a message that could not be written is delivered again: the first delay of each queue, and
 * the longest. Doubled with each try. A hundred tries, the most that Queues allow, cover 15 hours in the
 * first queue at intervals of at most ten minutes, and four days in the one for dead letters.
 */
const RETRY_SECONDS = { first: 10, longest: 600 } as const;
const DEAD_RETRY_SECONDS = { first: 60, longest: 3_600 } as const;

/** Deliveries after which an unreadable message is stored with the reason. */
const READ_TRIES = 5;

/**
 * Message of the Principal objects: some links of one chain, in order. Those of version 1 have no event.
 * Links are validated strictly, because one that the database rejects would block all others in its batch.
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

/** What became of a message's body: its links, or why it has none. */
export type ReadMessage = { links: Link[] } | { reason: string };

/** Parses the body of a message. */
export function readMessage(body: unknown): ReadMessage {
  const read = MESSAGE.safeParse(body);
  if (read.success) return { links: read.data };
  const [issue] = read.error.issues;
  return { reason: `Not a list of records: ${issue?.path.join(".") || "the message"}: ${issue?.message}` };
}

/**
 * Queue consumer: stores records, see `store-records.ts`. A record that comes twice is stored once, and one that comes
 * before its predecessor does not wait, because its place is its sequence number. What is stored is confirmed to the
 * chain's object. Further sinks read the stored records later, see `feed-sinks.ts`. While bucket or database is away
 * everything is delivered again, with growing delays. A message that cannot be read is retried alone, in case the next
 * release is on its way; then it is kept with the reason, see `dead-letters.ts`.
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
    await storeRecords(env, links);
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
