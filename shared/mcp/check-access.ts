import type { PrincipalIdentity } from "../call/principal.ts";
import { JSON_RPC, jsonRpcError } from "../call/protocol-fault.ts";
import { accessOf } from "../objects/admission-request.ts";
import type { Rights } from "../objects/principal-gate.ts";
import { principalGate } from "../objects/principal-gate.ts";
import { log } from "../observe/log.ts";
import type { Policy } from "../policy/compile.ts";
import { followPolicy } from "../policy/current.ts";

/** The caller, and the policy that decides. */
interface Asking {
  env: Env;
  identity: PrincipalIdentity;
  policy: Policy;
}

/**
 * Checks access for requests other than tool calls. Returns the response to send instead of the lane's: 401
 * if the grant, token or user has ended since the token was checked, 429 (RFC 6585 §4) if the app exceeds its
 * request limit. Otherwise returns the caller with the current role and policy, so that lists match the
 * decisions of calls.
 *
 * @param reconnect - `WWW-Authenticate` value of the 401
 * @param message - the posted message; absent for a stream. Notifications, responses and calls are not
 * counted
 */
export async function checkAccess<Caller extends Asking>(
  caller: Caller,
  reconnect: string,
  message?: Record<string, unknown>,
): Promise<Response | Caller> {
  const { env, identity, policy } = caller;
  const { userId, clientId } = identity;
  const counted = message === undefined || isQuestion(message);
  const gate = principalGate(env, userId);
  const status = await gate.checkAccess(
    userId,
    accessOf(identity),
    counted ? clientId : null,
    policy.publication,
  );
  if (status.ended) {
    const text = "This app's access has been revoked, or its person's account ended. Connect the app again.";
    return askToReconnect(jsonRpcError(401, JSON_RPC.serverError, text), reconnect);
  }
  const { retryAfter, rights } = status;
  if (retryAfter === 0) return rights ? await withRights(caller, rights) : caller;
  const text = `This app asks too often. Ask again in ${retryAfter} seconds.`;
  return jsonRpcError(429, JSON_RPC.serverError, text, { "retry-after": String(retryAfter) });
}

async function withRights<Caller extends Asking>(caller: Caller, { role, policy }: Rights): Promise<Caller> {
  const identity = { ...caller.identity, role };
  if (policy.publication <= caller.policy.publication) return { ...caller, identity };
  try {
    return { ...caller, identity, policy: (await followPolicy(caller.env, policy)) ?? caller.policy };
  } catch (failure) {
    // The request's own policy was in force a moment ago, so lists may still use it. A call would be refused.
    log("warn", "policy_not_followed", { publication: policy.publication, error: String(failure) });
    return { ...caller, identity };
  }
}

/** A 401 after which a client reconnects. The Worker adds the challenge, also to a lane's own 401. */
export function askToReconnect(response: Response, reconnect: string): Response {
  const headers = new Headers(response.headers);
  headers.set("www-authenticate", reconnect);
  return new Response(response.body, { status: 401, headers });
}

/** Whether a program rather than a model reads the answer, so that an HTTP status is useful. */
function isQuestion({ method, id }: Record<string, unknown>): boolean {
  return typeof method === "string" && id !== undefined && method !== "tools/call";
}
