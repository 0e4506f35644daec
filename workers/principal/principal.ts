import { DurableObject } from "cloudflare:workers";
import type { Admission, Intent, Outcome, PrincipalGate } from "../../shared/guard/admit.ts";
import type { JsonValue } from "../../shared/mcp/json.ts";
import {
  applyOperation,
  type ContextOperation,
  emptyContext,
  type ResultHandle,
  type SessionContext,
} from "../../shared/session/context.ts";
import { ResultStore } from "../../shared/session/result-store.ts";
import type { ResultPage } from "../../shared/session/session-home.ts";
import { CallOutbox } from "./call-outbox.ts";

/** Milliseconds after the first unsent record until the outbox is sent on. */
const FLUSH_AFTER_MS = 5_000;

/**
 * One object per user: strongly consistent and single-threaded. Writes each call's intent before it runs, keeps
 * the memory of the user's stateless clients, and sends finished records on to the queue.
 */
export class Principal extends DurableObject<Env> implements PrincipalGate {
  readonly #sql: SqlStorage;
  readonly #outbox: CallOutbox;
  readonly #results: ResultStore;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#sql = ctx.storage.sql;
    this.#sql.exec("CREATE TABLE IF NOT EXISTS contexts (client_id TEXT PRIMARY KEY, context TEXT NOT NULL)");
    this.#outbox = new CallOutbox(this.#sql);
    this.#results = new ResultStore(this.#sql);
  }

  /** Makes the intent durable. Output gates hold the answer until the write is on disk. */
  async admit(intent: Intent): Promise<Admission> {
    this.#outbox.open(intent);
    if ((await this.ctx.storage.getAlarm()) === null)
      await this.ctx.storage.setAlarm(Date.now() + FLUSH_AFTER_MS);
    return { admitted: true, context: intent.lane === "stateless" ? this.#context(intent.clientId) : null };
  }

  async settle(outcome: Outcome): Promise<void> {
    this.#outbox.close(outcome);
  }

  async readContext(clientId: string): Promise<SessionContext> {
    return this.#context(clientId);
  }

  async applyContext(clientId: string, operations: readonly ContextOperation[]): Promise<void> {
    for (const operation of operations) {
      if (operation.kind === "clear" && operation.parts.includes("handles")) this.#results.clear(clientId);
    }
    const context = operations.reduce(applyOperation, this.#context(clientId));
    this.#sql.exec(
      "INSERT INTO contexts VALUES (?1, ?2) ON CONFLICT (client_id) DO UPDATE SET context = ?2",
      clientId,
      JSON.stringify(context),
    );
  }

  async keepResult(clientId: string, handle: ResultHandle, rows: readonly JsonValue[]): Promise<void> {
    this.#results.keep(clientId, handle.handle, rows, handle.createdAt);
  }

  async readResult(
    clientId: string,
    handle: string,
    offset: number,
    limit: number,
  ): Promise<ResultPage | null> {
    return this.#results.page(clientId, handle, offset, limit);
  }

  /** Sends finished records on. A record leaves the outbox only after the queue has taken it. */
  override async alarm(): Promise<void> {
    const records = this.#outbox.ready(Date.now());
    if (records.length > 0) {
      await this.env.CALL_QUEUE.sendBatch(records.map((body) => ({ body })));
      this.#outbox.remove(records.map((record) => record.callId));
    }
    if (!this.#outbox.isEmpty()) await this.ctx.storage.setAlarm(Date.now() + FLUSH_AFTER_MS);
  }

  #context(clientId: string): SessionContext {
    const [row] = this.#sql
      .exec<{ context: string }>("SELECT context FROM contexts WHERE client_id = ?", clientId)
      .toArray();
    return row ? (JSON.parse(row.context) as SessionContext) : emptyContext();
  }
}
