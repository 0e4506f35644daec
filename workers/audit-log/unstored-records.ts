import type { Link } from "../../shared/audit/chain.ts";
import type { AuditRecord } from "../../shared/audit/record.ts";
import { log } from "../../shared/observe/log.ts";

/**
 * Milliseconds after which a record should have reached the platform database. Usually it takes ten seconds.
 */
const LATE_MS = 5 * 60_000;

/**
 * Key prefix of the notes. They are in KV, because the platform database may be what is unavailable. Keys
 * sort by the records' age.
 */
const PREFIX = "audit-unstored:";

/** Digits of a time in a key, so that text order is time order. */
const DIGITS = 15;

/** Seconds that a note lives unless it is written again: longer than the queues keep a message. */
const NOTE_TTL = 7 * 24 * 60 * 60;

/** Storage key under which an object keeps the name of its note. */
const NOTED = "unstored_note";

/** A record that is overdue in the platform database. */
export interface UnstoredRecord {
  chain: string;
  sequence: number;
  hash: string;
  /** Milliseconds since the epoch. */
  at: number;
}

/**
 * Publishes and logs the oldest unconfirmed record of an object's chain for `/ready`; deletes the note if
 * there is none. A failure is logged, and the next alarm tries again.
 *
 * @param oldest - the oldest unconfirmed record
 */
export async function noteUnstored(
  kv: KVNamespace,
  storage: DurableObjectStorage,
  oldest: Link | undefined,
  now: number,
): Promise<void> {
  try {
    const noted = await storage.get<string>(NOTED);
    const at = oldest ? (JSON.parse(oldest.body) as AuditRecord).at : now;
    if (oldest === undefined || now - at < LATE_MS) {
      if (noted === undefined) return;
      await kv.delete(noted);
      await storage.delete(NOTED);
      return;
    }
    const { chain, sequence, hash } = oldest;
    log("error", "audit_records_not_stored", { chain, sequence, hash, since: new Date(at).toISOString() });
    const key = `${PREFIX}${String(at).padStart(DIGITS, "0")}:${chain}`;
    await kv.put(key, "", { metadata: { sequence, hash }, expirationTtl: NOTE_TTL });
    await storage.put(NOTED, key);
    if (noted !== undefined && noted !== key) await kv.delete(noted);
  } catch (failure) {
    log("error", "unstored_records_not_noted", { chain: oldest?.chain, error: String(failure) });
  }
}

/** The oldest overdue record of all objects, or `null`. */
export async function findOldestUnstored(kv: KVNamespace): Promise<UnstoredRecord | null> {
  const { keys } = await kv.list<{ sequence: number; hash: string }>({ prefix: PREFIX, limit: 1 });
  const [first] = keys;
  if (first === undefined) return null;
  const name = first.name.slice(PREFIX.length);
  return {
    chain: name.slice(DIGITS + 1),
    sequence: first.metadata?.sequence ?? 0,
    hash: first.metadata?.hash ?? "",
    at: Number(name.slice(0, DIGITS)),
  };
}
