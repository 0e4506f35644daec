import { OAuthError } from "@cloudflare/workers-oauth-provider";
import { recordClientEvent } from "../record-event.ts";
import { admitWorkload } from "./admit-workload.ts";
import { authenticateAccount } from "./authenticate-account.ts";
import { issueToken } from "./issue-token.ts";
import { answerRefused, GrantRefused } from "./refused.ts";
import type { ServiceGrant } from "./which-grant.ts";

/**
 * Answers a token request of a service account: `client_credentials` (RFC 6749 §4.4), or the token of a workload's issuer
 * (RFC 7523 §2.1).
 *
 * @param form - the request's body, with its resource normalised
 */
export async function serveServiceToken(
  env: Env,
  request: Request,
  form: URLSearchParams,
  grant: ServiceGrant,
): Promise<Response> {
  try {
    const repeated = [...form.keys()].find((name) => name !== "resource" && form.getAll(name).length > 1);
    if (repeated !== undefined) {
      throw new GrantRefused("invalid_request", "A parameter of this request is repeated", "repeated");
    }
    if (grant === "account") {
      const account = await authenticateAccount(env, form, request.headers.get("Authorization"));
      return await issueToken(env, account, form);
    }
    const { account, issuer, subject } = await admitWorkload(env, form);
    const response = await issueToken(env, account, form);
    // The only place where the trail learns which workload acted as this account.
    const event = { type: "assertion", by: "workload", clientId: account.id, issuer, subject } as const;
    await recordClientEvent(env, request, account.userId, event);
    return response;
  } catch (failure) {
    if (failure instanceof GrantRefused) return answerRefused(failure);
    if (failure instanceof OAuthError) {
      return answerRefused(new GrantRefused("temporarily_unavailable", failure.message, "database", failure));
    }
    throw failure;
  }
}
