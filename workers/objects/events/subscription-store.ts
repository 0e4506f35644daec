import type { PrincipalIdentity } from "../../../shared/call/principal.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import type { DeliveryStatus, SubscriptionKey } from "../../../shared/objects/event-gate.ts";
import type { ReceiverFault } from "../../../shared/upstream/post-receiver.ts";

/** Failed attempts in a row, and milliseconds of them, after which deliveries wait for a renewal. */
const [SUSPENDED_AFTER, SUSPENDED_AFTER_MS] = [100, 60 * 60_000];

/** A stored subscription. Times are milliseconds since the epoch. */
export interface Subscription extends SubscriptionKey {
  id: string;
  identity: PrincipalIdentity;
  /** Sealed. */
  secret: string;
  /** The secret before, sealed; it signs too until `oldUntil`. */
  oldSecret: string | null;
  oldUntil: number;
  /** Place up to which everything was read. */
  position: string;
  /** What is older is not delivered. */
  floorAt: number;
  everyMs: number;
  createdAt: number;
  until: number;
  /** When it looks again. */
  lookAt: number;
  lastDeliveryAt: number | null;
  lastError: ReceiverFault | null;
  failures: number;
  failedSince: number | null;
  suspended: boolean;
  /** Set when it ended: the receiver is told, then the row goes. */
  ended: boolean;
}

type Row = Omit<
  { [Field in keyof Subscription]: Subscription[Field] extends boolean ? number : Subscription[Field] },
  "identity" | "arguments"
> & { identity: string; arguments: string };

const COLUMNS = `id, client_id AS clientId, server, url, name, arguments, identity, secret, old_secret AS oldSecret,
  old_until AS oldUntil, position, floor_at AS floorAt, every_ms AS everyMs, created_at AS createdAt, until,
  look_at AS lookAt, last_delivery_at AS lastDeliveryAt, last_error AS lastError, failures,
  failed_since AS failedSince, suspended, ended`;

/** One person's subscriptions and verified receivers, in the SQLite of their object. */
export class SubscriptionStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(
      `CREATE TABLE IF NOT EXISTS subscriptions (
         id TEXT PRIMARY KEY, client_id TEXT NOT NULL, server TEXT NOT NULL, url TEXT NOT NULL, name TEXT NOT NULL,
         arguments TEXT NOT NULL, identity TEXT NOT NULL, secret TEXT NOT NULL, old_secret TEXT,
         old_until INTEGER NOT NULL DEFAULT 0, position TEXT NOT NULL, floor_at INTEGER NOT NULL,
         every_ms INTEGER NOT NULL, created_at INTEGER NOT NULL, until INTEGER NOT NULL, look_at INTEGER NOT NULL,
         last_delivery_at INTEGER, last_error TEXT, failures INTEGER NOT NULL DEFAULT 0, failed_since INTEGER,
         suspended INTEGER NOT NULL DEFAULT 0, ended INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID`,
    );
    sql.exec(
      `CREATE TABLE IF NOT EXISTS receivers (
         client_id TEXT, url TEXT, verified_at INTEGER NOT NULL, PRIMARY KEY (client_id, url)) WITHOUT ROWID`,
    );
  }

  read(id: string): Subscription | null {
    const [row] = this.#sql.exec(`SELECT ${COLUMNS} FROM subscriptions WHERE id = ?`, id).toArray();
    return row ? toSubscription(row as unknown as Row) : null;
  }

  /** Subscriptions in force, oldest first. */
  list(): Subscription[] {
    return this.#sql
      .exec(`SELECT ${COLUMNS} FROM subscriptions WHERE ended = 0 ORDER BY created_at, id`)
      .toArray()
      .map((row) => toSubscription(row as unknown as Row));
  }

  /** All, also those that ended and whose receiver does not know yet. */
  listAll(): Subscription[] {
    return this.#sql
      .exec(`SELECT ${COLUMNS} FROM subscriptions ORDER BY created_at, id`)
      .toArray()
      .map((row) => toSubscription(row as unknown as Row));
  }

  count(): number {
    return this.#sql.exec<{ n: number }>("SELECT count(*) AS n FROM subscriptions WHERE ended = 0").one().n;
  }

  add(
    one: Omit<
      Subscription,
      "suspended" | "ended" | "lastDeliveryAt" | "lastError" | "failures" | "failedSince"
    >,
  ) {
    this.#sql.exec(
      `INSERT INTO subscriptions (id, client_id, server, url, name, arguments, identity, secret, old_secret, old_until,
         position, floor_at, every_ms, created_at, until, look_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...[one.id, one.clientId, one.server, one.url, one.name, JSON.stringify(one.arguments)],
      ...[JSON.stringify(one.identity), one.secret, one.oldSecret, one.oldUntil],
      ...[one.position, one.floorAt, one.everyMs, one.createdAt, one.until, one.lookAt],
    );
  }

  /** A renewal is a sign of life: deliveries that were suspended go on. */
  renew(
    id: string,
    renewed: Pick<Subscription, "identity" | "secret" | "oldSecret" | "oldUntil" | "everyMs" | "until">,
    now: number,
  ): void {
    this.#sql.exec(
      `UPDATE subscriptions SET identity = ?2, secret = ?3, old_secret = ?4, old_until = ?5, every_ms = ?6, until = ?7,
         suspended = 0, failures = 0, failed_since = NULL, look_at = min(look_at, ?8) WHERE id = ?1`,
      ...[id, JSON.stringify(renewed.identity), renewed.secret, renewed.oldSecret, renewed.oldUntil],
      ...[renewed.everyMs, renewed.until, now],
    );
  }

  remove(id: string): void {
    this.#sql.exec("DELETE FROM subscriptions WHERE id = ?", id);
  }

  markEnded(id: string): void {
    this.#sql.exec("UPDATE subscriptions SET ended = 1, identity = '{}' WHERE id = ?", id);
  }

  /** Notes where a look ended and when the next one is. */
  look(id: string, position: string, lookAt: number): void {
    this.#sql.exec(
      "UPDATE subscriptions SET position = ?2, look_at = ?3 WHERE id = ?1",
      id,
      position,
      lookAt,
    );
  }

  lookAgain(id: string, lookAt: number): void {
    this.#sql.exec("UPDATE subscriptions SET look_at = ?2 WHERE id = ?1", id, lookAt);
  }

  /** Something may have changed: every subscription looks. Gives how many there are. */
  lookAll(now: number): number {
    this.#sql.exec("UPDATE subscriptions SET look_at = min(look_at, ?) WHERE ended = 0", now);
    return this.count();
  }

  /** Notes an attempt. */
  note(id: string, fault: ReceiverFault | null, now: number): void {
    if (fault === null) {
      this.#sql.exec(
        `UPDATE subscriptions SET last_delivery_at = ?2, last_error = NULL, failures = 0, failed_since = NULL WHERE id = ?1`,
        ...[id, now],
      );
      return;
    }
    this.#sql.exec(
      `UPDATE subscriptions SET last_error = ?2, failures = failures + 1, failed_since = ifnull(failed_since, ?3),
         suspended = failures + 1 >= ${SUSPENDED_AFTER} AND ifnull(failed_since, ?3) <= ?3 - ${SUSPENDED_AFTER_MS}
        WHERE id = ?1`,
      ...[id, fault, now],
    );
  }

  isVerified(clientId: string, url: string, since: number): boolean {
    const sql = "SELECT 1 FROM receivers WHERE client_id = ? AND url = ? AND verified_at > ?";
    return this.#sql.exec(sql, clientId, url, since).toArray().length > 0;
  }

  noteVerified(clientId: string, url: string, now: number): void {
    this.#sql.exec("INSERT OR REPLACE INTO receivers VALUES (?, ?, ?)", clientId, url, now);
  }

  /** Forgets receivers that were verified long ago. */
  forgetReceivers(before: number): void {
    this.#sql.exec("DELETE FROM receivers WHERE verified_at <= ?", before);
  }

  /** Deletes everything. Gives the number of subscriptions. */
  erase(): number {
    this.#sql.exec("DELETE FROM receivers");
    return this.#sql.exec("DELETE FROM subscriptions RETURNING 1").toArray().length;
  }
}

/** How the deliveries of a subscription go. */
export function statusOf(
  { suspended, lastDeliveryAt, lastError, failedSince }: Subscription,
  retryAfterMs: number,
): DeliveryStatus {
  return { active: !suspended, lastDeliveryAt, lastError, failedSince, retryAfterMs };
}

function toSubscription(row: Row): Subscription {
  return {
    ...row,
    arguments: JSON.parse(row.arguments) as Record<string, JsonValue>,
    identity: JSON.parse(row.identity) as PrincipalIdentity,
    suspended: row.suspended === 1,
    ended: row.ended === 1,
  };
}
