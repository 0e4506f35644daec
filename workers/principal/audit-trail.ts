import { appendLink, EMPTY_CHAIN, type Head, type Link } from "../../shared/audit/chain.ts";
import type { AuditEvent, AuditRecord, OutcomeEvent } from "../../shared/audit/record.ts";
import type { Intent, Outcome } from "../../shared/guard/admit.ts";

/** Milliseconds after which a call without an outcome is recorded as `unknown`. Longer than any deadline. */
const UNKNOWN_AFTER_MS = 10 * 60_000;

/** Milliseconds after which a record that was sent but not confirmed is sent again. */
const RESEND_AFTER_MS = 10 * 60_000;

/** Records per queue message. A record has about one kilobyte, a message of Cloudflare Queues at most 128. */
const MESSAGE_SIZE = 64;

type LinkRow = { sequence: number; body: string; hash: string; salt: string | null; event: string | null };

/**
 * One user's chain of records, in the SQLite of their Principal object, until the platform database has them: the
 * queue's consumer says so, and what it does not confirm is sent again (the end-to-end argument of Saltzer, Reed and
 * Clark). A message that is lost on the way leaves no gap.
 *
 * A call makes two records: its intent, chained before anything runs, and its outcome, chained when it is known. So
 * a crash leaves an intent that says what began, and that the end is missing is itself on record; a chain of finished
 * calls alone could lose what ran last and still look whole. An outcome that is overdue is closed as `unknown`.
 *
 * Every method runs without `await`, so the runtime writes its statements as one and no two records follow the same.
 */
export class AuditTrail {
  readonly #sql: SqlStorage;
  // In memory on purpose: an object that starts anew sends everything again that is not confirmed.
  #sentThrough = 0;
  #resendAt: number | null = null;
  // Known once it is read or written: nobody else appends to this chain.
  #head: Head | undefined;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(
      `CREATE TABLE IF NOT EXISTS audit_link (
         sequence INTEGER PRIMARY KEY, body TEXT NOT NULL, hash TEXT NOT NULL, stored INTEGER NOT NULL DEFAULT 0,
         salt TEXT, event TEXT);
       CREATE TABLE IF NOT EXISTS recorded_key (key TEXT PRIMARY KEY) WITHOUT ROWID;
       CREATE TABLE IF NOT EXISTS open_call (
         call_id TEXT PRIMARY KEY, chain TEXT NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;`,
    );
    addDisclosures(sql);
  }

  /** Chains what is about to run. */
  open({ userId, ...details }: Intent, now: number): void {
    this.record(userId, { type: "intent", decision: "allow", ...details }, now);
    this.#sql.exec("INSERT INTO open_call VALUES (?, ?, ?)", details.callId, userId, now);
  }

  /** Chains how it ended. The first outcome stands; one without an open intent is not recorded. */
  close({ callId, status, durationMs, bytes }: Outcome, now: number): void {
    const [open] = this.#sql
      .exec<{ chain: string }>("DELETE FROM open_call WHERE call_id = ? RETURNING chain", callId)
      .toArray();
    if (!open) return;
    this.record(open.chain, { type: "outcome", callId, ...endingOf(status), durationMs, bytes }, now);
  }

  /** Chains any event. */
  record(chain: string, event: AuditEvent, now: number): void {
    const before = this.#readHead();
    const link = appendLink(chain, before, event, now);
    this.#sql.exec(
      "INSERT INTO audit_link (sequence, body, hash, salt, event) VALUES (?, ?, ?, ?, ?)",
      link.sequence,
      link.body,
      link.hash,
      link.salt,
      link.event,
    );
    this.#head = { sequence: link.sequence, hash: link.hash, at: Math.max(now, before.at) };
  }

  /** Chains what a request of an administrator was about. The same request again is not recorded again. */
  recordOnce(chain: string, key: string, event: AuditEvent, now: number): void {
    const [added] = this.#sql
      .exec("INSERT OR IGNORE INTO recorded_key VALUES (?) RETURNING key", key)
      .toArray();
    if (added) this.record(chain, event, now);
  }

  /** Closes as `unknown` what should have ended long ago. Gives the ids of these calls. */
  closeOverdue(now: number): string[] {
    const overdue = this.#sql
      .exec<{ call_id: string }>("SELECT call_id FROM open_call WHERE at <= ?", now - UNKNOWN_AFTER_MS)
      .toArray();
    for (const { call_id } of overdue) {
      this.close({ callId: call_id, status: "unknown", durationMs: 0, bytes: 0 }, now);
    }
    return overdue.map(({ call_id }) => call_id);
  }

  /** The oldest records that are to be sent, as many as one message carries. */
  unsent(now: number): Link[] {
    if (this.#resendAt !== null && now >= this.#resendAt) {
      this.#sentThrough = 0;
      this.#resendAt = null;
    }
    return this.#readAfter(this.#sentThrough);
  }

  /** The oldest records that the platform database has not confirmed, sent or not, as many as one message carries. */
  unstored(): Link[] {
    return this.#readAfter(0);
  }

  #readAfter(sequence: number): Link[] {
    return this.#sql
      .exec<LinkRow>(
        `SELECT sequence, body, hash, salt, event FROM audit_link
          WHERE stored = 0 AND sequence > ? ORDER BY sequence LIMIT ?`,
        sequence,
        MESSAGE_SIZE,
      )
      .toArray()
      .map((row) => ({ chain: (JSON.parse(row.body) as AuditRecord).chain, ...row }));
  }

  /** Notes that the queue has taken everything up to a record. */
  markSent(through: number, now: number): void {
    this.#sentThrough = through;
    this.#resendAt ??= now + RESEND_AFTER_MS;
  }

  /** Forgets what the platform database has, but for the newest record, without its event: the next is built on it. */
  confirm(sequences: readonly number[]): void {
    const confirmed = JSON.stringify(sequences);
    // A record that can go is not marked first: each row is written once.
    this.#sql.exec(
      `DELETE FROM audit_link
        WHERE (stored = 1 OR sequence IN (SELECT value FROM json_each(?)))
          AND sequence < (SELECT max(sequence) FROM audit_link)`,
      confirmed,
    );
    this.#sql.exec(
      `UPDATE audit_link SET stored = 1, salt = NULL, event = NULL
        WHERE stored = 0 AND sequence IN (SELECT value FROM json_each(?))`,
      confirmed,
    );
    const [waiting] = this.#sql
      .exec("SELECT 1 FROM audit_link WHERE stored = 0 AND sequence <= ? LIMIT 1", this.#sentThrough)
      .toArray();
    if (!waiting) this.#resendAt = null;
  }

  /**
   * When there is something to do again (milliseconds since the epoch), or `null` when nothing is open: a call
   * becomes overdue, or a record has to be sent again.
   */
  nextMoment(): number | null {
    const [row] = this.#sql.exec<{ at: number | null }>("SELECT min(at) AS at FROM open_call").toArray();
    const overdue = row?.at == null ? null : row.at + UNKNOWN_AFTER_MS;
    if (overdue === null || this.#resendAt === null) return overdue ?? this.#resendAt;
    return Math.min(overdue, this.#resendAt);
  }

  #readHead(): Head {
    if (this.#head) return this.#head;
    const [head] = this.#sql
      .exec<Head & Record<string, SqlStorageValue>>(
        "SELECT sequence, hash, body ->> '$.at' AS at FROM audit_link ORDER BY sequence DESC LIMIT 1",
      )
      .toArray();
    return head ?? EMPTY_CHAIN;
  }
}

/** The guard says `ok` or a code; the record tells failures from other endings. */
function endingOf(status: string): Pick<OutcomeEvent, "status" | "error"> {
  switch (status) {
    case "ok":
    case "input_required":
    case "unknown":
      return { status, error: null };
    default:
      return { status: "failed", error: status };
  }
}

/** Objects of the release before have no columns for events: their records hold them in `body`. */
function addDisclosures(sql: SqlStorage): void {
  const [older] = sql
    .exec("SELECT 1 FROM sqlite_schema WHERE name = 'audit_link' AND sql NOT LIKE '%salt%'")
    .toArray();
  if (!older) return;
  sql.exec("ALTER TABLE audit_link ADD COLUMN salt TEXT; ALTER TABLE audit_link ADD COLUMN event TEXT");
}
