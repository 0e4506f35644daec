import { appendLink, EMPTY_CHAIN, type Head, type Link } from "../../../shared/audit/chain.ts";
import type { AuditEvent, AuditRecord, OutcomeEvent } from "../../../shared/audit/record.ts";
import type { Intent, Outcome } from "../../../shared/objects/principal-gate.ts";
import { AuditPageStore, type Entry, type OpenCall, type PassedCall } from "./audit-page-store.ts";
import type { DayUse } from "./daily-quota.ts";
import { migrateLegacyTables } from "./migrate-legacy-tables.ts";
import type { Place } from "./running-calls.ts";

/** Milliseconds after which a call without an outcome is recorded as `unknown`. Longer than any deadline. */
const UNKNOWN_AFTER_MS = 10 * 60_000;

/** Milliseconds after which a record that was sent but not confirmed is sent again. */
const RESEND_AFTER_MS = 10 * 60_000;

/** Records per queue message. A record has about one kilobyte, a message of Cloudflare Queues at most 128. */
const MESSAGE_SIZE = 64;

/** What an admitted call used up, for the limits of an object that starts anew. */
export interface Taken {
  at: number;
  costlyTool: string | null;
  leaseMs: number;
  /** The day's use with this call. */
  use: DayUse;
}

/** What the limits have to know when an object starts: passed calls oldest first, who runs, what the day has used. */
export interface LimitMemory {
  passed: readonly PassedCall[];
  places: readonly Place[];
  use: DayUse;
}

/**
 * One user's chain of records, in the SQLite of their Principal object, until the platform database has them: the
 * queue's consumer says so, and what it does not confirm is sent again (the end-to-end argument of Saltzer, Reed and
 * Clark). A message that is lost on the way leaves no gap.
 *
 * A call makes two records: its intent, chained before anything runs, and its outcome, chained when it is known. So
 * a crash leaves an intent that says what began, and that the end is missing is itself on record; a chain of finished
 * calls alone could lose what ran last and still look whole. An outcome that is overdue is closed as `unknown`.
 *
 * The same rows say what the limits count, so that a call costs one row written: see {@link AuditPageStore}. Every method
 * runs without `await`, and what happens {@link transaction} is written as one.
 */
export class AuditTrail {
  readonly #sql: SqlStorage;
  readonly #pages: AuditPageStore;
  // In memory on purpose: an object that starts anew sends everything again that is not confirmed.
  #sentThrough = 0;
  #resendAt: number | null = null;
  #head: Head = EMPTY_CHAIN;
  #use: DayUse = { day: 0, units: 0 };
  #open = new Map<string, OpenCall>();
  /** Entries of a turn that is not over. */
  #turn: Entry[] | null = null;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec("CREATE TABLE IF NOT EXISTS recorded_key (key TEXT PRIMARY KEY) WITHOUT ROWID");
    this.#pages = new AuditPageStore(sql);
    const older = migrateLegacyTables(sql);
    if (older) this.#pages.append(older.entries, older.state);
    this.#load(() => {});
  }

  /** What the limits have to know, as it stands in the pages. */
  readLimits(): LimitMemory {
    const passed: PassedCall[] = [];
    this.#load((entry) => {
      if (entry.passed) passed.push(entry.passed);
    });
    const places = [...this.#open.values()].flatMap(({ callId, at, leaseMs }) =>
      leaseMs === null ? [] : [{ callId, at, leaseMs }],
    );
    return { passed, places, use: this.#use };
  }

  /** Writes what the work records as one row. What it recorded before it threw is written too. */
  transaction<T>(work: () => T): T {
    if (this.#turn !== null) return work();
    this.#turn = [];
    try {
      return work();
    } finally {
      const entries = this.#turn;
      this.#turn = null;
      if (entries.length > 0) this.#write(entries);
    }
  }

  /** Chains what is about to run. */
  open({ userId, ...details }: Intent, now: number, taken: Taken): void {
    const { at, costlyTool, leaseMs, use } = taken;
    const { callId, clientId } = details;
    const opened = { callId, chain: userId, at: now, leaseMs };
    this.#open.set(callId, opened);
    this.#use = use;
    const link = this.#chain(userId, { type: "intent", decision: "allow", ...details }, now);
    this.#add({ link, passed: { at, clientId, costlyTool }, opened });
  }

  /** Chains a call that the object refuses: it began and ended at once, and counts against nothing. */
  refuse({ userId, ...details }: Intent, code: string, now: number): void {
    const { callId } = details;
    this.transaction(() => {
      this.record(userId, { type: "intent", decision: "allow", ...details }, now);
      this.record(userId, outcomeOf({ callId, status: code, durationMs: 0, bytes: 0 }), now);
    });
  }

  /** Chains how it ended. The first outcome stands; one without an open intent is not recorded. */
  close(outcome: Outcome, now: number): void {
    const open = this.#open.get(outcome.callId);
    if (!open) return;
    this.#open.delete(outcome.callId);
    this.#add({ link: this.#chain(open.chain, outcomeOf(outcome), now), closed: outcome.callId });
  }

  /** Chains any event. */
  record(chain: string, event: AuditEvent, now: number): void {
    this.#add({ link: this.#chain(chain, event, now) });
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
    const overdue = [...this.#open.values()].filter(({ at }) => at <= now - UNKNOWN_AFTER_MS);
    this.transaction(() => {
      for (const { callId } of overdue) {
        this.close({ callId, status: "unknown", durationMs: 0, bytes: 0 }, now);
      }
    });
    return overdue.map(({ callId }) => callId);
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
    return this.#pages
      .unconfirmedAfter(sequence, MESSAGE_SIZE)
      .map((link) => ({ chain: (JSON.parse(link.body) as AuditRecord).chain, ...link }));
  }

  /** Notes that the queue has taken everything up to a record. */
  markSent(through: number, now: number): void {
    this.#sentThrough = through;
    this.#resendAt ??= now + RESEND_AFTER_MS;
  }

  /**
   * The platform database has these records. They go when no limit looks back on their calls any more: gives when that
   * is (milliseconds since the epoch), or `null`.
   */
  confirm(sequences: readonly number[], now: number): number | null {
    this.#pages.confirm(sequences);
    if (this.#pages.isConfirmedThrough(this.#sentThrough)) this.#resendAt = null;
    this.#pages.sweep(now);
    return this.#pages.nextSweep(now);
  }

  /** Forgets at once the events that the platform database has. */
  forgetConfirmed(): void {
    this.#pages.emptyConfirmed();
  }

  /** Deletes what is not needed any more. */
  sweep(now: number): void {
    this.#pages.sweep(now);
  }

  /**
   * When there is something to do again (milliseconds since the epoch), or `null` when nothing is open: a call
   * becomes overdue, a record has to be sent again, or one can be forgotten.
   */
  nextMoment(now: number): number | null {
    const overdue = [...this.#open.values()].map(({ at }) => at + UNKNOWN_AFTER_MS);
    const moments = [...overdue, this.#resendAt, this.#pages.nextSweep(now)].filter((at) => at !== null);
    return moments.length === 0 ? null : Math.min(...moments);
  }

  #load(visit: (entry: Entry) => void): void {
    const open = new Map<string, OpenCall>();
    const state = this.#pages.load((entry) => {
      if (entry.opened) open.set(entry.opened.callId, entry.opened);
      if (entry.closed !== undefined) open.delete(entry.closed);
      visit(entry);
    });
    this.#open = open;
    this.#head = state?.head ?? EMPTY_CHAIN;
    this.#use = state?.use ?? { day: 0, units: 0 };
  }

  #chain(chain: string, event: AuditEvent, now: number): Omit<Link, "chain"> {
    const { chain: _chain, ...link } = appendLink(chain, this.#head, event, now);
    this.#head = { sequence: link.sequence, hash: link.hash, at: Math.max(now, this.#head.at) };
    return link;
  }

  #add(entry: Entry): void {
    if (this.#turn !== null) this.#turn.push(entry);
    else this.#write([entry]);
  }

  #write(entries: readonly Entry[]): void {
    try {
      this.#pages.append(entries, { head: this.#head, use: this.#use });
    } catch (failure) {
      // What could not be written did not happen: the next record is built on what stands on disk.
      this.#load(() => {});
      throw failure;
    }
  }
}

function outcomeOf({ callId, status, durationMs, bytes }: Outcome): OutcomeEvent {
  return { type: "outcome", callId, ...endingOf(status), durationMs, bytes };
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
