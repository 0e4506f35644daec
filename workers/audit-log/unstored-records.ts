import type { Link } from "../../shared/audit/chain.ts";
import type { AuditRecord } from "../../shared/audit/record.ts";
import { log } from "../../shared/observe/log.ts";

/** Milliseconds after which a record should have reached the platform database. Usually it takes ten seconds. */
const LATE_MS = 5 * 60_000;

/** Where the notes are: in KV, because the platform database is what may be away. In the order of the records' age. */
const PREFIX = "audit-unstored:";

/** Digits of a moment in a key, so that the order of texts is that of time. */
const DIGITS = 15;

/** Seconds that a note lives unless it is written again: longer than the queues keep a message. */
const NOTE_TTL = 7 * 24 * 60 * 60;

/** Under which key an object keeps the name of its note. */
const NOTED = "unstored_note";

/** A record that the platform database does not have yet, although it should. */
export interface UnstoredRecord {
  chain: string;
  sequence: number;
  hash: string;
  /** Milliseconds since the epoch. */
  at: number;
}

/**
 * Notes the oldest record of an object's chain that the platform database has not confirmed, where `/ready` finds it, and
 * logs it; takes the note away when there is none any more. What fails is logged: the next alarm does it again.
 *
 * @param oldest - the oldest record that is not confirmed
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

/** The oldest record that some object could not bring into the platform database, or `null`. */
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
