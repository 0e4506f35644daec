import type { Subject } from "../call/subject.ts";
import { principalGate } from "../objects/principal-gate.ts";
import { logFailure } from "../observe/log.ts";
import { traceDatabases } from "../observe/traced-database.ts";
import { masksOf } from "../policy/masks.ts";
import type { Entry } from "../server/catalogue.ts";
import { type Bookmarks, DatabaseSessions } from "../session/database-sessions.ts";
import { maskSessionMemory } from "./masking/mask-session-memory.ts";
import type { RequestContext } from "./request-context.ts";

/** The stores that one call opens. The guard closes them when the call ends, however it ends. */
export class StoreScope {
  readonly #opened: unknown[] = [];
  readonly #sessions: DatabaseSessions | null;

  /** @param bookmarks - what the caller has written before; read replicas are asked from there */
  constructor({ env }: RequestContext, { kind, effect }: Subject, bookmarks: Bookmarks = {}) {
    const hasReplicas = env.D1_REPLICAS === "on" && kind === "tool";
    this.#sessions = hasReplicas ? new DatabaseSessions(effect, bookmarks) : null;
  }

  /** Opens the data of an entry's server as the caller may see it now. Rejects with what the server rejects with. */
  async open(ctx: RequestContext, entry: Entry<unknown>): Promise<unknown> {
    const masks = masksOf(ctx.policy, ctx.identity.role);
    const traced = traceDatabases(ctx.env);
    const env = this.#sessions?.wrap(traced) ?? traced;
    const store = await entry.openStore(env, ctx.identity, masks, maskSessionMemory(ctx.session, ctx));
    this.#opened.push(store);
    return store;
  }

  /** Lets later calls of the person see what this one has written, wherever they read. Never rejects: the write is done. */
  async noteWritten({ env, identity }: RequestContext): Promise<void> {
    const bookmarks = this.#sessions?.written() ?? {};
    if (Object.keys(bookmarks).length === 0) return;
    await principalGate(env, identity.userId)
      .noteBookmarks(bookmarks)
      .catch((failure: unknown) => void logFailure("bookmarks_not_noted", failure));
  }

  /** Disposes of every store that can be disposed of, the newest first. Never rejects. */
  async close(): Promise<void> {
    for (const store of this.#opened.splice(0).reverse()) await disposeStore(store);
  }
}

/** Disposes of a store that is an `AsyncDisposable`. Never rejects: what fails is an error in the log. */
export async function disposeStore(store: unknown): Promise<void> {
  const dispose = (store as Partial<AsyncDisposable> | null)?.[Symbol.asyncDispose];
  if (dispose === undefined) return;
  try {
    await dispose.call(store as AsyncDisposable);
  } catch (failure) {
    logFailure("store_not_closed", failure);
  }
}
