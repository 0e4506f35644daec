import { bundledPolicy } from "../../shared/policy/bundled.ts";
import { policyInForce } from "../../shared/policy/current.ts";

/** Whom people ask for an account or a permission, as the policy names them. Never fails: a refusal needs it. */
export async function whomToAsk(env: Env): Promise<string> {
  return (await policyInForce(env).catch(() => bundledPolicy())).signIn.contact;
}
