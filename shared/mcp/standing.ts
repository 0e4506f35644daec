import type { PrincipalIdentity } from "../auth/principal.ts";
import { principalGate } from "../guard/admit.ts";
import { JSON_RPC, jsonRpcError } from "./protocol-fault.ts";

/**
 * What answers a request in place of its lane: 401 when its grant, token or person has ended although its token was good
 * a moment ago, 429 (RFC 6585 §4) when the app asks too often for what is no call. `undefined`: it may go on.
 *
 * @param reconnect - the `WWW-Authenticate` value of the 401
 * @param message - what was posted; without one a stream is asked for. Notifications, answers and calls are not counted
 */
export async function checkStanding(
  { env, identity }: { env: Env; identity: PrincipalIdentity },
  reconnect: string,
  message?: Record<string, unknown>,
): Promise<Response | undefined> {
  const { userId, clientId, grantId, tokenId } = identity;
  const counted = message === undefined || isQuestion(message);
  const gate = principalGate(env, userId);
  const standing = await gate.mayAsk(userId, { grantId, tokenId }, counted ? clientId : null);
  if (standing.ended) {
    const text = "This app's access has been revoked, or its person's account ended. Connect the app again.";
    return askToReconnect(jsonRpcError(401, JSON_RPC.serverError, text), reconnect);
  }
  const { retryAfter } = standing;
  if (retryAfter === 0) return undefined;
  const text = `This app asks too often. Ask again in ${retryAfter} seconds.`;
  return jsonRpcError(429, JSON_RPC.serverError, text, { "retry-after": String(retryAfter) });
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
