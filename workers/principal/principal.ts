import { DurableObject } from "cloudflare:workers";
import type { Admission, Intent, Outcome, PrincipalGate } from "../../shared/guard/admit.ts";
import type { Claim } from "../../shared/guard/claim.ts";
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
import { Gatekeeper } from "./gatekeeper.ts";

/** Milliseconds after the first unsent record until the outbox is sent on. */
const FLUSH_AFTER_MS = 5_000;

/**
 * One object per user: strongly consistent and single-threaded. Decides who passes, writes each call's intent before
 * it runs, keeps the memory of the user's stateless clients, and sends finished records on to the queue.
 */
export class Principal extends DurableObject<Env> implements PrincipalGate {
  readonly #sql: SqlStorage;
  readonly #outbox: CallOutbox;
  readonly #gatekeeper: Gatekeeper;
  readonly #results: ResultStore;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#sql = ctx.storage.sql;
    this.#sql.exec("CREATE TABLE IF NOT EXISTS contexts (client_id TEXT PRIMARY KEY, context TEXT NOT NULL)");
    this.#outbox = new CallOutbox(this.#sql);
    this.#gatekeeper = new Gatekeeper(this.#sql, env.PLATFORM_DB);
    this.#results = new ResultStore(this.#sql);
  }

  /** Decides and makes the intent durable. Output gates hold the answer until the write is on disk. */
  async admit(intent: Intent, claim: Claim): Promise<Admission> {
    const passage = await this.#gatekeeper.consider(intent, claim);
    this.#outbox.open(intent);
    if (passage.refusal) {
      const { code } = passage.refusal;
      this.#outbox.close({ callId: intent.callId, status: code, durationMs: 0, bytes: 0 });
    }
    if ((await this.ctx.storage.getAlarm()) === null)
      await this.ctx.storage.setAlarm(Date.now() + FLUSH_AFTER_MS);
    if (passage.refusal) return { admitted: false, refusal: passage.refusal };
    const context = intent.lane === "stateless" ? this.#context(intent.clientId) : null;
    return { admitted: true, context, role: passage.role };
  }

  async settle(outcome: Outcome): Promise<void> {
    this.#outbox.close(outcome);
    this.#gatekeeper.release(outcome.callId);
  }

  async revokeGrant(grantId: string): Promise<void> {
    this.#gatekeeper.revoke(grantId);
  }

  async isGrantRevoked(grantId: string): Promise<boolean> {
    return this.#gatekeeper.isRevoked(grantId);
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
