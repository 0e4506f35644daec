import { logFailure } from "../observe/log.ts";
import { traceDatabases } from "../observe/traced-database.ts";
import { masksOf } from "../policy/masks.ts";
import type { Entry } from "../server/catalogue.ts";
import { maskSessionMemory } from "./masking/mask-session-memory.ts";
import type { RequestContext } from "./request-context.ts";

/** The stores that one call opens. The guard closes them when the call ends, however it ends. */
export class StoreScope {
  readonly #opened: unknown[] = [];

  /** Opens the data of an entry's server as the caller may see it now. Rejects with what the server rejects with. */
  async open(ctx: RequestContext, entry: Entry<unknown>): Promise<unknown> {
    const masks = masksOf(ctx.policy, ctx.identity.role);
    const env = traceDatabases(ctx.env);
    const store = await entry.openStore(env, ctx.identity, masks, maskSessionMemory(ctx.session, ctx));
    this.#opened.push(store);
    return store;
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
