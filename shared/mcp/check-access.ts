import type { PrincipalIdentity } from "../call/principal.ts";
import { JSON_RPC, jsonRpcError } from "../call/protocol-fault.ts";
import type { Rights } from "../objects/principal-gate.ts";
import { principalGate } from "../objects/principal-gate.ts";
import { log } from "../observe/log.ts";
import type { Policy } from "../policy/compile.ts";
import { followPolicy } from "../policy/current.ts";

/** Who asks, and by which policy it is decided. */
interface Asking {
  env: Env;
  identity: PrincipalIdentity;
  policy: Policy;
}

/**
 * Asks the person's object about a request that is no call. Gives what answers it in place of its lane: 401 when its
 * grant, token or person has ended although its token was good a moment ago, 429 (RFC 6585 §4) when the app asks too
 * often. Otherwise the same caller with the role and the policy of now, so that lists show what calls are decided by.
 *
 * @param reconnect - the `WWW-Authenticate` value of the 401
 * @param message - what was posted; without one a stream is asked for. Notifications, answers and calls are not counted
 */
export async function checkAccess<Caller extends Asking>(
  caller: Caller,
  reconnect: string,
  message?: Record<string, unknown>,
): Promise<Response | Caller> {
  const { env, identity, policy } = caller;
  const { userId, clientId, grantId, tokenId } = identity;
  const counted = message === undefined || isQuestion(message);
  const gate = principalGate(env, userId);
  const access = { grantId, tokenId };
  const standing = await gate.checkAccess(userId, access, counted ? clientId : null, policy.publication);
  if (standing.ended) {
    const text = "This app's access has been revoked, or its person's account ended. Connect the app again.";
    return askToReconnect(jsonRpcError(401, JSON_RPC.serverError, text), reconnect);
  }
  const { retryAfter, rights } = standing;
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
    // What the request came in with was in force a moment ago. A call would be refused.
    log("warn", "policy_not_followed", { publication: policy.publication, error: String(failure) });
    return { ...caller, identity };
  }
}

/** A 401 after which a client connects anew. A lane says so too, and the challenge is the Worker's to give. */
export function askToReconnect(response: Response, reconnect: string): Response {
  const headers = new Headers(response.headers);
  headers.set("www-authenticate", reconnect);
  return new Response(response.body, { status: 401, headers });
}

/** Whether a program waits for the answer and no model: then an HTTP status says more than a result. */
function isQuestion({ method, id }: Record<string, unknown>): boolean {
  return typeof method === "string" && id !== undefined && method !== "tools/call";
}
