import { DurableObject } from "cloudflare:workers";
import { SlidingLog, WINDOW_MS } from "../../../shared/guard/sliding-log.ts";
import type { ToolGate } from "../../../shared/objects/tool-rate-limit.ts";

/**
 * One object per tool that the policy limits for all users together. Decision and write happen in one turn of
 * a single-threaded object, and the output gate holds the response until the write is on disk: a limit of N
 * admits exactly N, however many ask at once, and an eviction changes nothing.
 */
export class ToolLimiter extends DurableObject<Env> implements ToolGate {
  readonly #sql: SqlStorage;
  readonly #log = new SlidingLog();

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#sql = ctx.storage.sql;
    this.#sql.exec("CREATE TABLE IF NOT EXISTS turns (id INTEGER PRIMARY KEY, at INTEGER NOT NULL)");
    for (const { at } of this.#sql.exec<{ at: number }>("SELECT at FROM turns ORDER BY id"))
      this.#log.add(at);
  }

  async take(allowed: number): Promise<number> {
    const now = Date.now();
    const wait = this.#log.waitFor(allowed, now);
    if (wait > 0) return Math.ceil(wait / 1000);
    this.#log.add(now);
    this.#sql.exec("INSERT INTO turns (at) VALUES (?)", now);
    this.#sql.exec("DELETE FROM turns WHERE at <= ?", now - WINDOW_MS);
    return 0;
  }

  async countTurns(): Promise<number> {
    return this.#sql.exec<{ n: number }>("SELECT count(*) AS n FROM turns").one().n;
  }
}
