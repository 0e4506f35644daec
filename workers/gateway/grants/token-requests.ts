import { digestText } from "../../../shared/encoding/canonical-json.ts";
import { log, logFailure } from "../../../shared/observe/log.ts";
import type { RefreshAnswer, RefreshAttempt } from "../../objects/grants/grant-store.ts";
import type { GrantUse } from "../../objects/grants/grant-uses.ts";
import { recordClientEvent } from "../record-event.ts";
import { grantStore } from "./grant-objects.ts";
import { withGrantStore } from "./grant-storage.ts";
import { readUse } from "./read-use.ts";
import { openAnswer, sealAnswer } from "./sealed-answer.ts";

/** Most characters of a code or refresh token. Real ones have about 90. */
const SECRET_LENGTH = 512;

/** The library's token endpoint, called with an environment. */
type TokenEndpoint = (env: Env) => Promise<Response>;

/** A token request for a present or past grant, as named by its code or refresh token. */
interface GrantRequest {
  userId: string;
  grantId: string;
  clientId: string | null;
  /** The refresh token and the digests of this refresh; `null` for a code exchange. */
  refresh: (RefreshAttempt & { token: string }) | null;
}

/** A stored response: its body, and its time in Unix seconds. */
interface GivenAnswer {
  body: Record<string, unknown>;
  at: number;
}

/**
 * Serves a token request, one at a time per grant. The library reads a grant, computes and writes it back;
 * concurrent refreshes of one token would each rotate it and leave all but the last with an invalid token.
 *
 * - The same refresh within 60 seconds, before its response was used, gets the same response: parallel
 *   processes of one client, and clients that lost the response, share one token family (RFC 9700 §4.14.2
 *   requires rotation; OAuth 2.1 §4.3 allows the retry). Each time the client is authenticated and the user
 *   looked up: the library rehearses the request before the response is returned.
 * - A used refresh token whose successor has been used ends the grant (RFC 9700 §4.14.2), and is recorded as
 *   `token_reuse` and logged as `refresh_token_reused`: one of the two holders has stolen it.
 * - A code is valid once; the library ends the grant if it is presented again (RFC 6749 §4.1.2).
 */
export async function serveTokenRequest(request: Request, env: Env, run: TokenEndpoint): Promise<Response> {
  const about = await readGrantRequest(request);
  if (about === null) return await run(withGrantStore(env));
  const { userId, grantId, refresh } = about;
  const attempt = refresh && { tokenId: refresh.tokenId, answerId: refresh.answerId };
  const turn = await grantStore(env, userId).takeTurn(grantId, attempt);
  if (turn.kind === "busy") return answerLater("Too many requests for this connection at once");
  if (turn.kind === "answered") return await repeatAnswer(env, run, about, turn.sealed);

  let answer: RefreshAnswer | null = null;
  let use: GrantUse | null = null;
  let newest = false;
  let response: Response;
  try {
    response = await run(withGrantStore(env));
    if (response.ok) use = readUse(request);
    if (refresh !== null && response.ok) answer = await keepAnswer(response.clone(), refresh);
    if (turn.reused && (await isInvalidGrant(response))) await endReused(env, request, about);
  } finally {
    newest = await endTurn(env, about, { lease: turn.lease, answer, use });
  }
  // The lease expired, or the grant was revoked: these tokens are already invalid and must not be sent.
  return answer === null || newest ? response : answerLater("Another request of this connection was faster");
}

/** Ends the lease. Returns whether the response is the newest, as far as is known. */
async function endTurn(
  env: Env,
  { userId, grantId }: GrantRequest,
  { lease, answer, use }: { lease: string; answer: RefreshAnswer | null; use: GrantUse | null },
): Promise<boolean> {
  try {
    return await grantStore(env, userId).endTurn(grantId, lease, answer, use);
  } catch (failure) {
    // The next request has to wait for the lease to expire. This client retries and is served like one that
    // lost its response.
    logFailure("token_turn_not_ended", failure);
    return false;
  }
}

async function endReused(env: Env, request: Request, { userId, grantId }: GrantRequest): Promise<void> {
  const grants = withGrantStore(env).OAUTH_KV;
  const key = `grant:${userId}:${grantId}`;
  // The client of the grant itself; the client named in the request is unverified.
  const clientId = (await grants.get<{ clientId?: string }>(key, "json"))?.clientId ?? null;
  log("warn", "refresh_token_reused", { user_id: userId, grant_id: grantId, client_id: clientId });
  try {
    // Recorded before the grant ends, because ending it deletes the history: an interrupted request is
    // detected and recorded again.
    await recordClientEvent(env, request, userId, { type: "token_reuse", grantId, clientId });
  } finally {
    // Ends the grant through the same path as every other end of a grant.
    await grants.delete(key);
  }
}

/** Lets the library validate the request, and returns the earlier response if the library would accept it. */
async function repeatAnswer(
  env: Env,
  run: TokenEndpoint,
  { refresh }: GrantRequest,
  sealed: ArrayBuffer,
): Promise<Response> {
  const rehearsal = await run(withGrantStore(env, "rehearse"));
  if (!rehearsal.ok || refresh === null) return rehearsal;
  const { body, at } = JSON.parse(await openAnswer(sealed, refresh.token)) as GivenAnswer;
  const age = Math.floor(Date.now() / 1000) - at;
  const repeated = { ...body, expires_in: Math.max(Number(body.expires_in) - age, 0) };
  return new Response(JSON.stringify(repeated), { headers: rehearsal.headers });
}

async function keepAnswer(
  response: Response,
  { answerId, token }: NonNullable<GrantRequest["refresh"]>,
): Promise<RefreshAnswer> {
  const body = await response.json<Record<string, unknown>>();
  const given: GivenAnswer = { body, at: Math.floor(Date.now() / 1000) };
  const sealed = await sealAnswer(JSON.stringify(given), token);
  return { answerId, successorId: digestText(String(body.refresh_token)), sealed };
}

/** The grant that a token request names; `null` for any other request, which the library answers alone. */
async function readGrantRequest(request: Request): Promise<GrantRequest | null> {
  if (request.method !== "POST") return null;
  // Read as bytes: the platform warns about a form that is read as text.
  const form = new URLSearchParams(new TextDecoder().decode(await request.clone().arrayBuffer()));
  const isRefresh = form.get("grant_type") === "refresh_token";
  const secret = form.get(isRefresh ? "refresh_token" : "code") ?? "";
  // The library's codes and refresh tokens are `user:grant:secret`.
  const [userId, grantId, ...rest] = secret.split(":");
  if (!userId || !grantId || rest.length !== 1 || secret.length > SECRET_LENGTH) return null;
  const clientId = form.get("client_id");
  if (!isRefresh) return { userId, grantId, clientId, refresh: null };
  const parameters = [secret, clientId, form.get("scope"), ...form.getAll("resource")];
  const answerId = digestText(JSON.stringify(parameters));
  return { userId, grantId, clientId, refresh: { token: secret, tokenId: digestText(secret), answerId } };
}

async function isInvalidGrant(response: Response): Promise<boolean> {
  if (response.status !== 400) return false;
  return (await response.clone().json<{ error?: string }>()).error === "invalid_grant";
}

function answerLater(reason: string): Response {
  return Response.json(
    { error: "temporarily_unavailable", error_description: `${reason}. Send this one again.` },
    { status: 503, headers: { "Retry-After": "1", "Cache-Control": "no-store" } },
  );
}
