import { digestText } from "../../../shared/encoding/canonical-json.ts";
import { openObject } from "../../../shared/objects/open-object.ts";
import type { GrantStore } from "../../objects/grants/grant-store.ts";

/** Seconds after an assertion's end for which it is still remembered: clocks differ. */
const LONGER_SECONDS = 120;

/**
 * Uses an assertion up, for every isolate at once. Gives `false` when it was used before. Used assertions are spread over
 * 256 objects by their digest; the name of none can be a user id, which has more characters and no hyphen.
 *
 * @param about - what makes the assertion one of a kind: who issued it, and its `jti`
 * @param expiresAt - Unix seconds from which on it is refused anyway
 */
export async function spendAssertion(
  env: Env,
  about: readonly string[],
  expiresAt: number,
): Promise<boolean> {
  const id = digestText(JSON.stringify(about));
  // Not repeated after a reset: the first attempt may have spent it.
  const store = openObject<Pick<GrantStore, "spend">>(env, env.GRANT_STORE, `spent-${id.slice(0, 2)}`);
  return await store.spend(id, Math.ceil(expiresAt) + LONGER_SECONDS);
}
