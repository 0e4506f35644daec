import { z } from "zod";
import type { HttpAuth } from "../../../shared/connections/kinds/http-auth.ts";
import type { ConnectionFailure } from "../../../shared/objects/connection-gate.ts";
import { RefusedRequest } from "../connector.ts";
import { readServiceKey, signAssertion } from "./assertion.ts";
import { readAtMost } from "./read-at-most.ts";
import type { AccessToken } from "./token-keeper.ts";
import { tooMany } from "./too-many.ts";

/** Seconds for which a token without a stated end is used (RFC 6749 §5.1 recommends stating it). */
const USUAL_SECONDS = 300;

/** Most bytes of the answer with a token. */
const MOST_BYTES = 200_000;

const answer = z.object({
  // What can stand in the header (RFC 6749, appendix A.12).
  access_token: z
    .string()
    .max(16_000)
    .regex(/^[\x20-\x7e]+$/),
  expires_in: z.coerce.number().optional(),
});

type TokenAuth = Extract<HttpAuth, { type: "client_credentials" | "jwt_bearer" }>;

/**
 * Asks for a token with the connection's own credential (RFC 6749 §4.4, RFC 7523 §2.1). The secret goes to the
 * address of the token alone. Throws {@link RefusedRequest}; a server that is away throws what `fetch` throws.
 */
export async function fetchToken(
  ask: typeof fetch,
  auth: TokenAuth,
  secret: string,
  title: string,
): Promise<AccessToken> {
  const headers = new Headers({
    "content-type": "application/x-www-form-urlencoded",
    accept: "application/json",
  });
  const form = await formOf(auth, secret, headers).catch(() => {
    throw new RefusedRequest(unusableSecret(title));
  });
  const startedAt = Date.now();
  const response = await ask(auth.token_url, {
    method: "POST",
    headers,
    body: form.toString(),
    redirect: "manual",
  });
  if (response.status >= 500) {
    await response.body?.cancel();
    throw new Error(`The token endpoint answers with status ${response.status}.`);
  }
  if (response.status === 429) {
    await response.body?.cancel();
    throw new RefusedRequest({ ...tooMany(title, response.headers), sent: false });
  }
  const { bytes, isWhole } = await readAtMost(response.body, MOST_BYTES);
  const read = answer.safeParse(isWhole ? parse(new TextDecoder().decode(bytes)) : null);
  if (!response.ok || !read.success) throw new RefusedRequest(refusedCredential(title));
  const seconds = read.data.expires_in ?? USUAL_SECONDS;
  return { text: read.data.access_token, endsAt: startedAt + Math.min(seconds, 86_400) * 1_000 };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

async function formOf(auth: TokenAuth, secret: string, headers: Headers): Promise<URLSearchParams> {
  const scope = auth.scopes === undefined ? {} : { scope: auth.scopes.join(" ") };
  if (auth.type === "jwt_bearer") {
    const key = readServiceKey(secret);
    const assertion = await signAssertion(key.privateKey, {
      header: key.keyId ?? auth.key_id,
      claims: {
        iss: auth.issuer ?? key.issuer,
        sub: auth.subject ?? (key.issuer === undefined ? undefined : key.issuer),
        aud: auth.audience ?? auth.token_url,
        ...scope,
      },
    });
    return new URLSearchParams({ grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion });
  }
  const form = new URLSearchParams({ grant_type: "client_credentials", ...scope });
  if (auth.audience !== undefined) form.set("audience", auth.audience);
  if (auth.credentials_in === "header") {
    // RFC 6749 §2.3.1: both are form-encoded before they become one text.
    const pair = `${formEncode(auth.client_id)}:${formEncode(secret)}`;
    headers.set("authorization", `Basic ${btoa(pair)}`);
  } else {
    form.set("client_id", auth.client_id);
    form.set("client_secret", secret);
  }
  return form;
}

/** A value as forms and the queries of URLs have it (`application/x-www-form-urlencoded`). */
export function formEncode(text: string): string {
  return new URLSearchParams({ v: text }).toString().slice(2);
}

/** The other system does not accept the account. */
export function refusedCredential(title: string): ConnectionFailure {
  return {
    code: "unavailable",
    message: `${title} refuses the account of this connection.`,
    action: "Ask its owner to set the secret again: npm run connections -- secret <name>",
  };
}

function unusableSecret(title: string): ConnectionFailure {
  return {
    code: "unavailable",
    message: `The secret of ${title} is no private key.`,
    action: "Ask its owner to set it as PEM text (PKCS #8) or as a Google key file.",
  };
}
