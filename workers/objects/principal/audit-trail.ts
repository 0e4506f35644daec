import { appendLink, EMPTY_CHAIN, type Head, type Link } from "../../../shared/audit/chain.ts";
import type { AuditEvent, AuditRecord, OutcomeEvent } from "../../../shared/audit/record.ts";
import type { Intent, Outcome } from "../../../shared/objects/principal-gate.ts";
import { AuditPageStore, type Entry, type OpenCall, type PassedCall } from "./audit-page-store.ts";
import type { DayUse } from "./daily-quota.ts";
import { migrateLegacyTables } from "./migrate-legacy-tables.ts";
import type { Place } from "./running-calls.ts";

/** Milliseconds after which a call without an outcome is recorded as `unknown`. Longer than any deadline. */
const UNKNOWN_AFTER_MS = 10 * 60_000;

/**
 * Milliseconds after which a sent but unconfirmed record is sent again, and the longest such delay. Doubled
 * each time: while the database is unavailable, sent records wait in the queue, and duplicates would not
 * help.
 */
const [RESEND_AFTER_MS, LONGEST_RESEND_MS] = [10 * 60_000, 4 * 60 * 60_000];

/** Records per queue message, and their bytes: a message of Cloudflare Queues has at most 128,000. */
const [MESSAGE_SIZE, MESSAGE_BYTES] = [64, 100_000];

/** What an admitted call consumed, for the limits of a restarted object. */
export interface Taken {
  at: number;
  costlyTool: string | null;
  leaseMs: number;
  /** The day's use including this call. */
  use: DayUse;
}

/** Initial state of the limits: admitted calls, oldest first; running calls; the day's use. */
export interface LimitMemory {
  passed: readonly PassedCall[];
  places: readonly Place[];
  use: DayUse;
}

/**
 * One user's chain of records, in the SQLite of their Principal object, until the platform database has them:
 * the queue's consumer confirms them, and unconfirmed ones are sent again (the end-to-end argument of
 * Saltzer, Reed and Clark). A lost message leaves no gap.
 *
 * A call makes two records: its intent, chained before it runs, and its outcome, chained when known. After a
 * crash the intent shows what began, and the missing end is recorded too; a chain of finished calls alone
 * could lose the last ones and still look complete. An overdue outcome is recorded as `unknown`.
 *
 * The same rows hold what the limits count, so that a call writes one row; see {@link AuditPageStore}. Every
 * method runs without `await`, and everything inside {@link transaction} is written as one.
 */
export class AuditTrail {
  readonly #sql: SqlStorage;
  readonly #pages: AuditPageStore;
  // In memory only: a restarted object sends every unconfirmed record again.
  #sentThrough = 0;
  #resendAt: number | null = null;
  #resendAfter = RESEND_AFTER_MS;
  #head: Head = EMPTY_CHAIN;
  #use: DayUse = { day: 0, units: 0 };
  #open = new Map<string, OpenCall>();
  /** Entries of the current turn. */
  #turn: Entry[] | null = null;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec("CREATE TABLE IF NOT EXISTS recorded_key (key TEXT PRIMARY KEY) WITHOUT ROWID");
    this.#pages = new AuditPageStore(sql);
    const older = migrateLegacyTables(sql);
    if (older) this.#pages.append(older.entries, older.state);
    this.#load(() => {});
  }

  /** Initial state of the limits, from the pages. */
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

  /** Writes what the work records as one row, also if it throws. */
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

  /** Chains a call that is about to run. */
  open({ userId, ...details }: Intent, now: number, taken: Taken): void {
    const { at, costlyTool, leaseMs, use } = taken;
    const { callId, clientId } = details;
    const opened = { callId, chain: userId, at: now, leaseMs };
    this.#open.set(callId, opened);
    this.#use = use;
    const link = this.#chain(userId, { type: "intent", decision: "allow", ...details }, now);
    this.#add({ link, passed: { at, clientId, costlyTool }, opened });
  }

  /** Chains a delivery that is about to be sent. It counts against no limit of calls. */
  openDelivery({ userId, ...details }: Intent, now: number): void {
    const opened = { callId: details.callId, chain: userId, at: now, leaseMs: null };
    this.#open.set(details.callId, opened);
    this.#add({ link: this.#chain(userId, { type: "intent", decision: "allow", ...details }, now), opened });
  }

  /** Chains a refused call: it begins and ends at once, and counts against no limit. */
  refuse({ userId, ...details }: Intent, code: string, now: number): void {
    const { callId } = details;
    this.transaction(() => {
      this.record(userId, { type: "intent", decision: "allow", ...details }, now);
      this.record(userId, outcomeOf({ callId, status: code, durationMs: 0, bytes: 0 }), now);
    });
  }

  /** Chains an outcome. The first outcome counts; one without an open intent is ignored. */
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

  /** Chains the event of an administrator's request. A repeated request is not recorded again. */
  recordOnce(chain: string, key: string, event: AuditEvent, now: number): void {
    const [added] = this.#sql
      .exec("INSERT OR IGNORE INTO recorded_key VALUES (?) RETURNING key", key)
      .toArray();
    if (added) this.record(chain, event, now);
  }

  /** Records overdue calls as `unknown`. Returns their ids. */
  closeOverdue(now: number): string[] {
    const overdue = [...this.#open.values()].filter(({ at }) => at <= now - UNKNOWN_AFTER_MS);
    this.transaction(() => {
      for (const { callId } of overdue) {
        this.close({ callId, status: "unknown", durationMs: 0, bytes: 0 }, now);
      }
    });
    return overdue.map(({ callId }) => callId);
  }

  /** The oldest records to send, up to one message. */
  unsent(now: number): Link[] {
    if (this.#resendAt !== null && now >= this.#resendAt) {
      this.#sentThrough = 0;
      this.#resendAt = null;
      this.#resendAfter = Math.min(this.#resendAfter * 2, LONGEST_RESEND_MS);
    }
    return fitMessage(this.#readAfter(this.#sentThrough));
  }

  /** The oldest unconfirmed records, sent or not, up to one message. */
  unstored(): Link[] {
    return this.#readAfter(0);
  }

  /** Whether every record is confirmed. */
  get isStored(): boolean {
    return this.#pages.isConfirmed;
  }

  /** The oldest unconfirmed record. */
  oldestUnstored(): Link | undefined {
    return this.#readAfter(0, 1)[0];
  }

  #readAfter(sequence: number, most = MESSAGE_SIZE): Link[] {
    return this.#pages
      .unconfirmedAfter(sequence, most)
      .map((link) => ({ chain: (JSON.parse(link.body) as AuditRecord).chain, ...link }));
  }

  /** Sends every record that is due, oldest first, a message at a time. */
  async send(queue: Queue): Promise<void> {
    for (let links = this.unsent(Date.now()); links.length > 0; ) {
      await queue.send(links);
      this.markSent(links.at(-1)?.sequence ?? 0, Date.now());
      links = this.unsent(Date.now());
    }
  }

  /** Notes that the queue has accepted all records up to this one. */
  markSent(through: number, now: number): void {
    this.#sentThrough = through;
    this.#resendAt ??= now + this.#resendAfter;
  }

  /**
   * The platform database has these records. They are deleted when no limit counts their calls: returns that
   * time (milliseconds since the epoch), or `null`.
   */
  confirm(sequences: readonly number[], now: number): number | null {
    this.#pages.confirm(sequences);
    if (this.#pages.isConfirmedThrough(this.#sentThrough)) {
      this.#resendAt = null;
      this.#resendAfter = RESEND_AFTER_MS;
    }
    this.#pages.sweep(now);
    this.#pages.rest(now);
    return this.#pages.nextSweep(now);
  }

  /** Deletes the events that the platform database has. */
  forgetConfirmed(): void {
    this.#pages.emptyConfirmed();
  }

  /** Deletes what is no longer needed. */
  sweep(now: number): void {
    this.#pages.sweep(now);
  }

  /**
   * Time of the next work (milliseconds since the epoch), or `null`: a call becomes overdue, a record has to
   * be sent again, or one can be deleted.
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
      // A failed write did not happen: the next record must build on what is stored.
      this.#load(() => {});
      throw failure;
    }
  }
}

/** The first links that fit one message; at least one, however long it is. */
function fitMessage(links: readonly Link[]): Link[] {
  const encoder = new TextEncoder();
  let bytes = 0;
  return links.filter((link, index) => {
    bytes += encoder.encode(JSON.stringify(link)).length;
    return index === 0 || bytes <= MESSAGE_BYTES;
  });
}

function outcomeOf({ callId, status, durationMs, bytes, cached }: Outcome): OutcomeEvent {
  return { type: "outcome", callId, ...endingOf(status), durationMs, bytes, ...(cached && { cached }) };
}

/** The guard reports `ok` or a code; the record distinguishes failures from other endings. */
function endingOf(status: string): Pick<OutcomeEvent, "status" | "error"> {
  switch (status) {
    case "ok":
    case "input_required":
    case "unknown":
      return { status, error: null };
    // Another system began the call, and what became of it there is not known.
    case "outcome_unknown":
      return { status: "unknown", error: null };
    default:
      return { status: "failed", error: status };
  }
}
