import { importJWK } from "jose";
import { isKeyId } from "../../../shared/auth/access-key.ts";
import type { PublicKey } from "../../../shared/auth/public-key.ts";
import { textFromBase64 } from "../../../shared/encoding/base64.ts";
import { spendAssertion } from "../grants/spend-assertion.ts";
import { type FoundKey, findAccount, findByText, MOST_CREDENTIALS } from "../keys/validate-key.ts";
import { GrantRefused, notAuthenticated } from "./refused.ts";
import { keysToTry } from "./try-keys.ts";
import { type Assertion, readIssuer, verifyAssertion } from "./verify-assertion.ts";

/** RFC 7523 §2.2. */
const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/** Explicit type of such an assertion (draft-ietf-oauth-rfc7523bis). */
const TYPE = "client-authentication+jwt";
/** Most seconds that one lives: clients make one per request. */
const MOST_SECONDS = 60 * 60;

/**
 * The service account that a request for `client_credentials` proves to be, with the credential that it used: the text of
 * its key as client secret (in the form or in HTTP Basic), or an assertion that its public key verifies and that counts
 * once. Throws {@link GrantRefused}: `invalid_client` for every other request, in one sentence and after the same work.
 */
export async function authenticateAccount(
  env: Env,
  form: URLSearchParams,
  authorization: string | null,
): Promise<FoundKey> {
  const basic = authorization === null ? null : readBasic(authorization);
  const signed = form.has("client_assertion") || form.has("client_assertion_type");
  const methods = [basic !== null, form.has("client_secret"), signed].filter(Boolean).length;
  if (methods > 1 || (basic !== null && form.has("client_id"))) {
    throw new GrantRefused("invalid_request", "Use one way of client authentication", "methods");
  }
  if (signed) return await verifySigned(env, form);
  const { id, secret } = basic ?? {
    id: form.get("client_id") ?? "",
    secret: form.get("client_secret") ?? "",
  };
  const found = isKeyId(id) ? await findByText(env.PLATFORM_DB, secret, Date.now()) : null;
  if (found === null || found.id !== id) throw notAuthenticated("secret");
  return found;
}

async function verifySigned(env: Env, form: URLSearchParams): Promise<FoundKey> {
  const assertion = form.get("client_assertion") ?? "";
  if (form.get("client_assertion_type") !== ASSERTION_TYPE) throw notAuthenticated("client_assertion_type");
  const id = form.get("client_id") ?? readIssuer(assertion);
  if (!isKeyId(id)) throw notAuthenticated("client_id");
  const now = Date.now();
  let fault = { fault: "no_public_key" } as { fault: string; cause?: unknown };
  const stored = (await findAccount(env.PLATFORM_DB, id, now)).map((of) => ({ of, publicKey: of.publicKey }));
  for (const { of: found, key } of keysToTry(assertion, stored, MOST_CREDENTIALS)) {
    const verified = await verifyWith(env, key, id, assertion);
    if (found === null) continue;
    if ("fault" in verified) {
      fault = verified;
      continue;
    }
    if (verified.id === null) throw notAuthenticated("jti");
    const isFirst = await spendAssertion(env, ["account", id, verified.id], verified.claims.exp);
    if (!isFirst) throw notAuthenticated("replayed");
    return found;
  }
  throw notAuthenticated(fault.fault, fault.cause);
}

async function verifyWith(
  { PUBLIC_URL }: Env,
  publicKey: PublicKey,
  id: string,
  assertion: string,
): Promise<Assertion | { fault: string; cause?: unknown }> {
  const key = (await importJWK(publicKey, publicKey.alg)) as CryptoKey;
  return await verifyAssertion(assertion, key, {
    issuer: id,
    subject: id,
    // Libraries write the issuer as an address, with its slash, or name the endpoint (RFC 7523 §3).
    audiences: [PUBLIC_URL, `${PUBLIC_URL}/`, `${PUBLIC_URL}/oauth/token`],
    types: [TYPE],
    mostSeconds: MOST_SECONDS,
  });
}

/** HTTP Basic with form-encoded parts (RFC 6749 §2.3.1). */
function readBasic(authorization: string): { id: string; secret: string } {
  const [, encoded] = /^basic +([A-Za-z0-9+/=_-]+)$/i.exec(authorization) ?? [];
  if (encoded === undefined) throw notAuthenticated("authorization");
  try {
    const [id = "", ...rest] = textFromBase64(encoded).split(":");
    const decode = (text: string) => decodeURIComponent(text.replaceAll("+", " "));
    return { id: decode(id), secret: decode(rest.join(":")) };
  } catch (failure) {
    throw notAuthenticated("authorization", failure);
  }
}
