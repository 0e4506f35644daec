import { DurableObject } from "cloudflare:workers";
import type { AttemptGate, CountedAttempt, Counter } from "../../../shared/objects/attempt-gate.ts";
import { ObjectAlarm } from "../../../shared/objects/object-alarm.ts";

/** Milliseconds between two removals of ended counters. */
const PURGE_MS = 60 * 60_000;

const COUNT = `
  INSERT INTO counters (key, count, ends_at) VALUES (?1, 1, ?2)
  ON CONFLICT (key) DO UPDATE SET
    count = iif(ends_at <= ?3, 1, count + 1),
    ends_at = iif(ends_at <= ?3, ?2, ends_at)
  RETURNING count, ends_at`;

const ADOPT = `
  INSERT INTO counters (key, count, ends_at) VALUES (?1, ?2, ?3)
  ON CONFLICT (key) DO UPDATE SET count = max(count, excluded.count), ends_at = max(ends_at, excluded.ends_at)`;

/**
 * Counters of attempts whose keys fall to this object. Count and decision are one turn of a single-threaded object, and
 * the output gate holds the answer until the count is on disk: of parallel attempts exactly `limit` are admitted, and an
 * eviction forgets none. Windows are fixed, so an attacker who keeps trying does not extend a lockout.
 */
export class Attempts extends DurableObject<Env> implements AttemptGate {
  readonly #sql: SqlStorage;
  readonly #alarm: ObjectAlarm;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#sql = ctx.storage.sql;
    this.#alarm = new ObjectAlarm(ctx.storage, "Attempts");
    this.#sql.exec(
      `CREATE TABLE IF NOT EXISTS counters (
         key TEXT PRIMARY KEY, count INTEGER NOT NULL, ends_at INTEGER NOT NULL) WITHOUT ROWID`,
    );
  }

  async admit(attempts: readonly CountedAttempt[], now: number): Promise<number> {
    const waits = attempts.map(({ key, limit, endsAt }) => {
      const row = this.#sql.exec<{ count: number; ends_at: number }>(COUNT, key, endsAt, now).one();
      return row.count > limit ? row.ends_at - now : 0;
    });
    await this.#alarm.wakeBy(now + PURGE_MS);
    return Math.max(0, ...waits);
  }

  async giveBack(keys: readonly string[]): Promise<void> {
    for (const key of keys) {
      this.#sql.exec("UPDATE counters SET count = max(count - 1, 0) WHERE key = ?", key);
    }
  }

  async adopt(counters: readonly Counter[]): Promise<void> {
    for (const { key, count, endsAt } of counters) this.#sql.exec(ADOPT, key, count, endsAt);
    await this.#alarm.wakeBy(Date.now() + PURGE_MS);
  }

  async countCounters(): Promise<number> {
    return this.#sql.exec<{ n: number }>("SELECT count(*) AS n FROM counters").one().n;
  }

  override async alarm(): Promise<void> {
    await this.#alarm.run(async () => {
      this.#sql.exec("DELETE FROM counters WHERE ends_at <= ?", Date.now());
      if ((await this.countCounters()) > 0) await this.#alarm.set(Date.now() + PURGE_MS);
    });
  }
}
