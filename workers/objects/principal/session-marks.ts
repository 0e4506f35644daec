import type { Met, ReadLabel } from "../../../shared/call/flow-labels.ts";
import type { Meeting } from "../../../shared/objects/admission-request.ts";
import type { MemoryRules } from "../../../shared/policy/flow/information-flow.ts";

/** Milliseconds after which a mark that is met again is stored with its newer time: a row costs money. */
const STORE_AGAIN_MS = 10 * 60_000;

/** Names that one label of one app keeps. The label itself stays, whichever names are dropped. */
const MOST_NAMES = 20;

/** Outcomes of calls that a person has to allow first: nothing was read. */
const NOT_RUN: readonly string[] = ["approval_required", "mfa_required"];

/** A call that meets something. */
export interface MeetingCall extends Meeting {
  /** Absent for what a running call finds out. */
  callId?: string;
  clientId: string;
  name: string;
}

interface Mark {
  clientId: string;
  label: ReadLabel;
  name: string;
  at: number;
}

/**
 * What the person's sessions with each app have met, in the object's SQLite. One memory for both lanes: a second session
 * of the same app would otherwise know nothing of the first. Every method runs without `await`, so it is atomic
 * with the admission around it.
 */
export class SessionMarks {
  readonly #sql: SqlStorage;
  readonly #marks = new Map<string, Mark>();
  /** Marks that a running call made first, by call: taken back if it never runs. */
  readonly #made = new Map<string, Mark[]>();

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(
      `CREATE TABLE IF NOT EXISTS session_mark (
         client_id TEXT NOT NULL, label TEXT NOT NULL, name TEXT NOT NULL, at INTEGER NOT NULL,
         PRIMARY KEY (client_id, label, name)) WITHOUT ROWID`,
    );
    const rows = sql.exec<{ client_id: string; label: ReadLabel; name: string; at: number }>(
      "SELECT client_id, label, name, at FROM session_mark ORDER BY at",
    );
    for (const { client_id: clientId, label, name, at } of rows)
      this.#marks.set(keyOf({ clientId, label, name }), { clientId, label, name, at });
  }

  /** Marks what a call is going to read. Gives what the session had met before. */
  meet({ callId, clientId, name, reads, recalls, ...rules }: MeetingCall, now: number): Met[] {
    const before = this.read(clientId, rules, now);
    if (recalls) for (const mark of this.#of(clientId)) this.#mark({ ...mark, at: now }, undefined);
    for (const label of reads) this.#mark({ clientId, label, name, at: now }, callId);
    return before;
  }

  /** What an app's sessions have met, or those of all apps, and still remember. */
  read(clientId: string, { rememberedMs, session }: MemoryRules, now: number): Met[] {
    const marks = session === "person" ? [...this.#marks.values()] : this.#of(clientId);
    // A mark may have been met again without being stored again.
    const known = marks.filter(({ at }) => at + rememberedMs + STORE_AGAIN_MS > now);
    const byLabel = Map.groupBy(known, ({ label }) => label);
    return [...byLabel].map(([label, found]) => {
      const names = [...new Set(found.map(({ name }) => name))];
      return { label, names: names.slice(-MOST_NAMES) };
    });
  }

  /** Forgets what every app has met: the person's data is erased. */
  clear(): void {
    this.#marks.clear();
    this.#made.clear();
    this.#sql.exec("DELETE FROM session_mark");
  }

  /** A call has ended. What it alone has marked is taken back if it never ran. */
  end(callId: string, status: string): void {
    const made = this.#made.get(callId);
    if (made === undefined) return;
    this.#made.delete(callId);
    for (const mark of made) if (NOT_RUN.includes(status)) this.#remove(mark);
    for (const mark of made) this.#makeRoom(mark);
  }

  #mark(mark: Mark, callId: string | undefined): void {
    const key = keyOf(mark);
    const known = this.#marks.get(key);
    if (known === undefined && callId !== undefined)
      this.#made.set(callId, [...(this.#made.get(callId) ?? []), mark]);
    // Another call meets it too: it stays, however the first one ends.
    if (known !== undefined)
      for (const [id, made] of this.#made)
        this.#made.set(
          id,
          made.filter((one) => keyOf(one) !== key),
        );
    if (known !== undefined && Math.abs(mark.at - known.at) < STORE_AGAIN_MS) return;
    this.#store(mark);
    this.#makeRoom(mark);
  }

  /**
   * Drops the oldest names of a label. One of a call that may yet be taken back takes no other's place: the label would
   * be lost with it.
   */
  #makeRoom({ clientId, label }: Mark): void {
    const open = new Set([...this.#made.values()].flat().map(keyOf));
    const settled = this.#of(clientId).filter((mark) => mark.label === label && !open.has(keyOf(mark)));
    for (const old of settled.slice(0, -MOST_NAMES)) this.#remove(old);
  }

  #store(mark: Mark): void {
    const key = keyOf(mark);
    // Again at the end: the map is in the order of time.
    this.#marks.delete(key);
    this.#marks.set(key, mark);
    this.#sql.exec(
      "INSERT OR REPLACE INTO session_mark VALUES (?, ?, ?, ?)",
      ...[mark.clientId, mark.label, mark.name, mark.at],
    );
  }

  #remove(mark: Mark): void {
    this.#marks.delete(keyOf(mark));
    this.#sql.exec(
      "DELETE FROM session_mark WHERE client_id = ? AND label = ? AND name = ?",
      ...[mark.clientId, mark.label, mark.name],
    );
  }

  #of(clientId: string): Mark[] {
    return [...this.#marks.values()].filter((mark) => mark.clientId === clientId);
  }
}

function keyOf({ clientId, label, name }: Pick<Mark, "clientId" | "label" | "name">): string {
  return JSON.stringify([clientId, label, name]);
}
