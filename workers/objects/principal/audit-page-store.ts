import type { Head, Link } from "../../../shared/audit/chain.ts";
import { WINDOW_MS } from "../../../shared/guard/sliding-log.ts";
import type { DayUse } from "./daily-quota.ts";

/**
 * Characters of a page. A larger one costs more per call, because it is rewritten; a smaller one is deleted
 * more often.
 */
const PAGE_SIZE = 16_384;

/** An admitted call, as the per-minute limits count it. */
export interface PassedCall {
  at: number;
  clientId: string;
  costlyTool: string | null;
}

/** A call that has begun and has no outcome yet. */
export interface OpenCall {
  callId: string;
  chain: string;
  at: number;
  /** Milliseconds that it keeps its running-call slot; `null` without one. */
  leaseMs: number | null;
}

/** A record without its chain, which its body names. */
export type StoredLink = Omit<Link, "chain">;

/** One line of a page: a record, and its effect on the counted calls. */
export interface Entry {
  link?: StoredLink;
  passed?: PassedCall;
  opened?: OpenCall;
  /** Id of a call that ended. */
  closed?: string;
}

/** State that is stored once, on the newest page. */
export interface PageState {
  head: Head;
  use: DayUse;
}

/** The same as it is stored: with the sequence up to which every record was confirmed. Pages of an earlier release lack it. */
type StoredState = PageState & { confirmed?: number };

/** Summary of a page in memory. */
interface Page {
  number: number;
  /** Sequence of its newest record; 0 without one. */
  last: number;
  size: number;
  /** Records that the platform database has not confirmed. */
  unconfirmed: Set<number>;
  open: Set<string>;
  /** Admission time of its newest call. */
  passedAt: number;
}

type Row = { number: number; last: number; state: string; entries: string };

/**
 * Everything that calls store in the Principal object, in pages: one row of SQLite holds the records,
 * admitted calls and outcomes of several turns, and one more turn writes one row, however many events it has.
 * A page is deleted as a whole once the platform database has its records, no limit counts its calls and none
 * of them is open; until then the pages are the whole state of a restarted object.
 *
 * Every method runs without `await`, so the runtime writes its statements as one.
 */
export class AuditPageStore {
  readonly #sql: SqlStorage;
  #pages: Page[] = [];
  /** The sequence up to which pages say that records are confirmed. */
  #confirmed = 0;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(
      `CREATE TABLE IF NOT EXISTS trail_page (
         number INTEGER PRIMARY KEY, last INTEGER NOT NULL, state TEXT NOT NULL, entries TEXT NOT NULL)`,
    );
  }

  /** Reads every page, oldest entry first. Returns the state, or `null` if nothing was ever written. */
  load(visit: (entry: Entry) => void): PageState | null {
    const pages: Page[] = [];
    let state: string | null = null;
    // Row by row: after a long outage of the platform database there are many.
    for (const row of this.#sql.exec<Row>("SELECT * FROM trail_page ORDER BY number")) {
      const page = emptyPage(row.number, row.last);
      page.size = row.entries.length;
      for (const entry of readEntries(row.entries)) {
        note(page, entry, pages);
        visit(entry);
      }
      pages.push(page);
      state = row.state;
    }
    this.#pages = pages;
    const stored = state === null ? null : (JSON.parse(state) as StoredState);
    this.#confirmed = stored?.confirmed ?? 0;
    for (const { unconfirmed } of pages) forgetThrough(unconfirmed, this.#confirmed);
    return stored;
  }

  /** Writes the entries of one turn: one row, unless they exceed a page. */
  append(entries: readonly Entry[], state: PageState): void {
    if (entries.length === 0) this.#write("", entries, state);
    let text = "";
    let from = 0;
    for (const [index, entry] of entries.entries()) {
      text += `${JSON.stringify(entry)}\n`;
      if (text.length < PAGE_SIZE && index < entries.length - 1) continue;
      this.#write(text, entries.slice(from, index + 1), state);
      text = "";
      from = index + 1;
    }
  }

  /** The oldest unconfirmed records after a sequence number, at most `most`. */
  unconfirmedAfter(sequence: number, most: number): StoredLink[] {
    const links: StoredLink[] = [];
    for (const page of this.#pages) {
      if (page.last <= sequence || page.unconfirmed.size === 0) continue;
      for (const { link } of this.#read(page)) {
        if (link === undefined || link.sequence <= sequence || !page.unconfirmed.has(link.sequence)) continue;
        if (links.push(link) === most) return links;
      }
    }
    return links;
  }

  /** Whether the platform database has confirmed every record. */
  get isConfirmed(): boolean {
    return this.#pages.every(({ unconfirmed }) => unconfirmed.size === 0);
  }

  /** Whether every record up to this one is confirmed. */
  isConfirmedThrough(sequence: number): boolean {
    return this.#pages.every(({ unconfirmed }) => Math.min(...unconfirmed) > sequence);
  }

  /**
   * The platform database has these records. Known in memory alone: a restarted object sends them again, which is harmless,
   * unless {@link rest} has written it down.
   */
  confirm(sequences: readonly number[]): void {
    const [lowest, highest] = [Math.min(...sequences), Math.max(...sequences)];
    for (const { last, unconfirmed } of this.#pages) {
      // Sorted by sequence, so the first is the smallest.
      const [first] = unconfirmed;
      if (first === undefined || last < lowest) continue;
      if (first > highest) break;
      for (const sequence of sequences) unconfirmed.delete(sequence);
    }
  }

  /**
   * Once every record is confirmed, writes that down in one row, and takes the records out of the newest page. An object that
   * is evicted between two calls would send the records of its pages again after each; and what is left of the page needs
   * no alarm to be deleted.
   */
  rest(now: number): void {
    const newest = this.#pages.at(-1);
    if (newest === undefined || newest.last <= this.#confirmed || newest.size === 0 || !this.isConfirmed)
      return;
    const isAlone = this.#pages.length === 1;
    const kept = this.#read(newest).flatMap(({ passed, opened, closed }): Entry[] => {
      const counts = passed !== undefined && passed.at > now - WINDOW_MS;
      const runs = opened !== undefined && (!isAlone || newest.open.has(opened.callId));
      const ends = closed !== undefined && !isAlone;
      if (!counts && !runs && !ends) return [];
      return [{ ...(counts && { passed }), ...(runs && { opened }), ...(ends && { closed }) }];
    });
    const text = writeEntries(kept);
    this.#sql.exec(
      "UPDATE trail_page SET state = json_set(state, '$.confirmed', ?), entries = ? WHERE number = ?",
      newest.last,
      text,
      newest.number,
    );
    this.#confirmed = newest.last;
    newest.size = text.length;
  }

  /** Deletes pages that are no longer needed. The newest only loses its entries: the next turn extends it. */
  sweep(now: number): void {
    const newest = this.#pages.at(-1);
    const done = this.#pages.filter((page) => page.size > 0 && isDone(page) && restsAt(page, now) <= now);
    const gone = done.filter((page) => page !== newest);
    if (gone.length > 0) {
      const numbers = JSON.stringify(gone.map(({ number }) => number));
      this.#sql.exec("DELETE FROM trail_page WHERE number IN (SELECT value FROM json_each(?))", numbers);
      this.#pages = this.#pages.filter((page) => !gone.includes(page));
    }
    if (newest !== undefined && done.includes(newest)) {
      this.#sql.exec("UPDATE trail_page SET entries = '' WHERE number = ?", newest.number);
      this.#pages = this.#pages.with(-1, emptyPage(newest.number, newest.last));
    }
  }

  /** Time of the next {@link sweep} that can delete a page, if only time is missing; else `null`. */
  nextSweep(now: number): number | null {
    const moments = this.#pages
      .filter((page) => page.size > 0 && isDone(page) && !this.#rests(page))
      .map((page) => restsAt(page, now));
    return moments.length === 0 ? null : Math.min(...moments);
  }

  /** Whether a page is the only one, and has no record any more. */
  #rests({ last }: Page): boolean {
    return this.#pages.length === 1 && last <= this.#confirmed;
  }

  /** Removes confirmed records from their pages, without waiting for a whole page to be deleted. */
  emptyConfirmed(): void {
    for (const page of this.#pages) {
      const [row] = this.#sql.exec<Row>("SELECT * FROM trail_page WHERE number = ?", page.number).toArray();
      const entries = readEntries(row?.entries ?? "").map(({ link, ...rest }) =>
        link !== undefined && page.unconfirmed.has(link.sequence) ? { link, ...rest } : rest,
      );
      const text = writeEntries(entries);
      this.#sql.exec("UPDATE trail_page SET entries = ? WHERE number = ?", text, page.number);
      page.size = text.length;
    }
  }

  #read({ number }: Page): Entry[] {
    const [row] = this.#sql.exec<Row>("SELECT * FROM trail_page WHERE number = ?", number).toArray();
    return readEntries(row?.entries ?? "");
  }

  #write(text: string, entries: readonly Entry[], state: PageState): void {
    const newest = this.#pages.at(-1);
    const fits = newest !== undefined && newest.size + text.length <= PAGE_SIZE;
    const page = fits || newest?.size === 0 ? newest : emptyPage((newest?.number ?? 0) + 1, 0);
    const sequences = entries.map(({ link }) => link?.sequence ?? 0);
    const last = Math.max(page.last, ...sequences);
    const stored: StoredState = { ...state, confirmed: this.#confirmed };
    const written = [last, JSON.stringify(stored), text] as const;
    if (page === newest) {
      this.#sql.exec(
        "UPDATE trail_page SET last = ?, state = ?, entries = entries || ? WHERE number = ?",
        ...written,
        page.number,
      );
    } else {
      this.#sql.exec(
        "INSERT INTO trail_page (last, state, entries, number) VALUES (?, ?, ?, ?)",
        ...written,
        page.number,
      );
      this.#pages.push(page);
    }
    page.last = last;
    page.size += text.length;
    for (const entry of entries) note(page, entry, this.#pages);
  }
}

function emptyPage(number: number, last: number): Page {
  return { number, last, size: 0, unconfirmed: new Set(), open: new Set(), passedAt: 0 };
}

function writeEntries(entries: readonly Entry[]): string {
  return entries.map((entry) => `${JSON.stringify(entry)}\n`).join("");
}

function readEntries(text: string): Entry[] {
  return text === "" ? [] : (JSON.parse(`[${text.slice(0, -1).replaceAll("\n", ",")}]`) as Entry[]);
}

function note(page: Page, { link, passed, opened, closed }: Entry, pages: readonly Page[]): void {
  if (link) page.unconfirmed.add(link.sequence);
  if (passed) page.passedAt = Math.max(page.passedAt, passed.at);
  if (opened) page.open.add(opened.callId);
  if (closed !== undefined) {
    page.open.delete(closed);
    for (const { open } of pages) open.delete(closed);
  }
}

/** Removes the sequences up to one, which are the first of a sorted set. */
function forgetThrough(sequences: Set<number>, last: number): void {
  for (const sequence of sequences) {
    if (sequence > last) return;
    sequences.delete(sequence);
  }
}

function isDone({ unconfirmed, open }: Page): boolean {
  return unconfirmed.size === 0 && open.size === 0;
}

/** When no limit counts the calls of the page any more. A clock that jumped back must not delay it. */
function restsAt(page: Page, now: number): number {
  page.passedAt = Math.min(page.passedAt, now);
  return page.passedAt + WINDOW_MS;
}
