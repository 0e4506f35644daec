import { openObject } from "../../../shared/objects/open-object.ts";
import type { GrantStore } from "../../objects/grants/grant-store.ts";

/** Methods of the object that the gateway uses. */
type Store = Pick<
  GrantStore,
  "read" | "write" | "remove" | "list" | "takeTurn" | "endTurn" | "eraseAll" | "listUses"
>;

/**
 * The object that holds a user's grants and tokens; its name is the opaque user id. Every method is safe to
 * repeat: a repeated write is either identical or refused by its version.
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
