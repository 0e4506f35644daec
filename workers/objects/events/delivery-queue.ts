import type { EventData } from "../../../shared/guard/subscribers/read-events.ts";

/** Milliseconds before each attempt after the first: five attempts within a quarter of an hour. */
const RETRY_MS = [5_000, 30_000, 2 * 60_000, 10 * 60_000] as const;

/** Milliseconds of the window of the limit. */
const WINDOW_MS = 60_000;

/** An occurrence that waits for its delivery. The data is masked for the role that read it. */
export interface NewDelivery {
  /** Stable id of the occurrence, or of a message about the subscription. */
  messageId: string;
  kind: "event" | "gap" | "terminated";
  /** When it happened, ISO 8601. */
  at: string;
  /** Data of an occurrence; the error of an end. */
  data: EventData;
  /** Place before it, and after it. */
  before: string;
  position: string;
}

/** A delivery in the queue. */
export interface Delivery extends NewDelivery {
  n: number;
  subscription: string;
  /** Attempts so far. */
  attempts: number;
}

type Row = Omit<Delivery, "data"> & { data: string };

/** Deliveries that wait, in the SQLite of the person's object. */
export class DeliveryQueue {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(
      `CREATE TABLE IF NOT EXISTS deliveries (
         n INTEGER PRIMARY KEY AUTOINCREMENT, subscription TEXT NOT NULL, kind TEXT NOT NULL, message_id TEXT NOT NULL,
         at TEXT NOT NULL, data TEXT NOT NULL, before TEXT NOT NULL, position TEXT NOT NULL,
         attempts INTEGER NOT NULL DEFAULT 0, due_at INTEGER NOT NULL)`,
    );
    sql.exec("CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (subscription, due_at, n)");
    sql.exec("CREATE TABLE IF NOT EXISTS sent (at INTEGER NOT NULL, count INTEGER NOT NULL)");
  }

  add(subscription: string, { messageId, kind, at, data, before, position }: NewDelivery, now: number): void {
    this.#sql.exec(
      `INSERT INTO deliveries (subscription, kind, message_id, at, data, before, position, due_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      ...[subscription, kind, messageId, at, JSON.stringify(data), before, position, now],
    );
  }

  count(subscription: string): number {
    const sql = "SELECT count(*) AS n FROM deliveries WHERE subscription = ?";
    return this.#sql.exec<{ n: number }>(sql, subscription).one().n;
  }

  /** Deliveries of a subscription that are due, oldest first. */
  due(subscription: string, now: number, limit: number): Delivery[] {
    return this.#sql
      .exec(
        `SELECT n, subscription, kind, message_id AS messageId, at, data, before, position, attempts FROM deliveries
          WHERE subscription = ? AND due_at <= ? ORDER BY n LIMIT ?`,
        ...[subscription, now, limit],
      )
      .toArray()
      .map((found) => {
        const row = found as unknown as Row;
        return { ...row, data: JSON.parse(row.data) as EventData };
      });
  }

  /** When the next delivery of a subscription is due; `null` without any. */
  nextOf(subscription: string): number | null {
    const sql = "SELECT min(due_at) AS at FROM deliveries WHERE subscription = ?";
    return this.#sql.exec<{ at: number | null }>(sql, subscription).one().at;
  }

  /** The oldest delivery that waits: everything before it was taken or given up. */
  oldest(subscription: string): { n: number; before: string } | null {
    const sql = "SELECT n, before FROM deliveries WHERE subscription = ? ORDER BY n LIMIT 1";
    return this.#sql.exec<{ n: number; before: string }>(sql, subscription).toArray()[0] ?? null;
  }

  /** The next attempt of a delivery; `false` if it was the last one. */
  retry({ n, attempts }: Delivery, now: number): boolean {
    const wait = RETRY_MS[attempts];
    if (wait === undefined) return false;
    this.#sql.exec("UPDATE deliveries SET attempts = attempts + 1, due_at = ? WHERE n = ?", now + wait, n);
    return true;
  }

  remove(n: number): void {
    this.#sql.exec("DELETE FROM deliveries WHERE n = ?", n);
  }

  /** Drops everything that waits for a subscription. */
  drop(subscription: string): void {
    this.#sql.exec("DELETE FROM deliveries WHERE subscription = ?", subscription);
  }

  /** What waited while deliveries were suspended is due again; the pause counts as no attempt. */
  resume(subscription: string, now: number): void {
    this.#sql.exec("UPDATE deliveries SET due_at = ? WHERE subscription = ?", now, subscription);
  }

  /** Nothing of a subscription is due before a moment. */
  postpone(subscription: string, until: number): void {
    this.#sql.exec(
      "UPDATE deliveries SET due_at = max(due_at, ?) WHERE subscription = ?",
      until,
      subscription,
    );
  }

  /** Takes up to `wanted` places of the limit of a minute. Gives how many are free. */
  take(wanted: number, limit: number, now: number): number {
    this.#sql.exec("DELETE FROM sent WHERE at <= ? OR at > ?", now - WINDOW_MS, now);
    const { used } = this.#sql.exec<{ used: number | null }>("SELECT sum(count) AS used FROM sent").one();
    const taken = Math.min(wanted, Math.max(0, limit - (used ?? 0)));
    if (taken > 0) this.#sql.exec("INSERT INTO sent (at, count) VALUES (?, ?)", now, taken);
    return taken;
  }

  /** Milliseconds until a place of the limit is free. */
  untilFree(now: number): number {
    const { at } = this.#sql.exec<{ at: number | null }>("SELECT min(at) AS at FROM sent").one();
    return at === null ? 0 : Math.max(0, at + WINDOW_MS - now);
  }

  erase(): void {
    this.#sql.exec("DELETE FROM deliveries");
    this.#sql.exec("DELETE FROM sent");
  }
}
