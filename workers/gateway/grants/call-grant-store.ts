import type { GrantStore } from "../../objects/grants/grant-store.ts";

/** The object as its callers see it: the stub's own types spread each answer over a union of promises. */
type Store = Pick<GrantStore, "read" | "write" | "remove" | "list" | "takeTurn" | "endTurn" | "eraseAll">;

/**
 * Asks the object that holds a user's grants and tokens; its name is the opaque user id. An object that was reset
 * under the question (a new release, a moved machine) is asked once more. That is safe for everything the store
 * does: what was written the first time is either the same again or refused by its version.
 */
export async function callGrantStore<Answer>(
  env: Env,
  userId: string,
  ask: (store: Store) => Promise<Answer>,
): Promise<Answer> {
  const open = () => env.GRANT_STORE.get(env.GRANT_STORE.idFromName(userId)) as unknown as Store;
  try {
    return await ask(open());
  } catch (failure) {
    if (!wasReset(failure)) throw failure;
    // A stub that saw its object go stays broken; a new one reaches the object's next life.
    return await ask(open());
  }
}

function wasReset(failure: unknown): boolean {
  if (!(failure instanceof Error)) return false;
  const { retryable, durableObjectReset } = failure as { retryable?: boolean; durableObjectReset?: boolean };
  return retryable === true || durableObjectReset === true;
}
