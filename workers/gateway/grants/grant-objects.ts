import { openObject } from "../../../shared/objects/open-object.ts";
import type { GrantStore } from "../../objects/grants/grant-store.ts";

/** What the gateway asks of the object. */
type Store = Pick<
  GrantStore,
  "read" | "write" | "remove" | "list" | "takeTurn" | "endTurn" | "eraseAll" | "listUses"
>;

/**
 * The object that holds a user's grants and tokens; its name is the opaque user id. Everything that it does may be
 * repeated: what was written the first time is either the same again or refused by its version.
 */
export function grantStore(env: Env, userId: string): Store {
  return openObject<Store>(env, env.GRANT_STORE, userId, [
    "read",
    "write",
    "remove",
    "list",
    "takeTurn",
    "endTurn",
    "eraseAll",
    "listUses",
  ]);
}
