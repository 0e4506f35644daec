import type { HttpAuth } from "../../../shared/connections/kinds/http-auth.ts";
import { digestText } from "../../../shared/encoding/canonical-json.ts";
import { RefusedRequest, withoutPassword } from "../connector.ts";
import { fetchToken, formEncode } from "./fetch-token.ts";
import { requireHeaderText } from "./header-text.ts";
import { TokenKeeper } from "./token-keeper.ts";

/** Sends requests with the credential of a connection, to one origin. */
export interface Credential {
  /** Whether a refused request may be sent once more: the token may have ended before its time. */
  readonly renews: boolean;
  /** What of it other systems have seen so far, as it was written. */
  secrets(): readonly string[];
  /**
   * Sends a request that carries no credential yet.
   *
   * @param isAgain - the other system has refused the last one with 401
   * @param own - headers that belong to the account of the request, by a digest of its token; `""` for the only account
   */
  send(
    ask: typeof fetch,
    url: URL,
    init: RequestInit & { headers: Headers },
    isAgain: boolean,
    own?: OwnHeaders,
  ): Promise<Response>;
}

/** Headers of one account. */
export type OwnHeaders = (account: string) => Promise<Readonly<Record<string, string>>>;

/** What lives as long as the connection's object: tokens, so far. */
export type ObjectMemory = Map<string, unknown>;

/** The credential of a connection. Rejects with {@link RefusedRequest} if the vault has no secret for it. */
export function openCredential(
  { name, title, auth, origin }: { name: string; title: string; auth: HttpAuth; origin: string },
  secret: string | null,
  memory: ObjectMemory,
): Credential {
  if (auth.type === "none") return inHeaders(origin, [], () => ({}));
  if (secret === null) throw new RefusedRequest({ ...withoutPassword(title), sent: false });
  switch (auth.type) {
    case "bearer": {
      const text = requireHeaderText(secret, title);
      return inHeaders(origin, [text], () => ({ authorization: `Bearer ${text}` }));
    }
    case "header": {
      const text = requireHeaderText(secret, title);
      return inHeaders(origin, [text], () => ({ [auth.name]: `${auth.prefix ?? ""}${text}` }));
    }
    case "headers": {
      const parts = secret.trim().split(/\s+/);
      requireHeaderText(parts.join(""), title);
      return inHeaders(origin, parts, () =>
        Object.fromEntries(auth.names.map((header, at) => [header, parts[at] ?? ""])),
      );
    }
    case "basic": {
      const pair = toBasic(auth.user, secret);
      return inHeaders(origin, [secret, pair], () => ({ authorization: `Basic ${pair}` }));
    }
    case "query":
      return {
        renews: false,
        secrets: () => [secret, encodeURIComponent(secret), formEncode(secret)],
        async send(ask, url, init, _isAgain, own) {
          requireOrigin(origin, url);
          const whole = new URL(url);
          whole.searchParams.set(auth.name, secret);
          return await ask(whole, { ...init, headers: await withOwn(init.headers, "", own) });
        },
      };
    case "client_credentials":
    case "jwt_bearer": {
      const keeper = keeperOf(memory, `${name} ${digestText(JSON.stringify([auth, secret]))}`);
      return withBearer(origin, (ask, refused) =>
        keeper.take(() => fetchToken(ask, auth, secret, title), refused),
      );
    }
    case "aws":
      return {
        renews: false,
        // A signature goes along, and no secret.
        secrets: () => [],
        async send(ask, url, init, _isAgain, own) {
          requireOrigin(origin, url);
          const { AwsV4Signer } = await import("aws4fetch");
          const { access_key_id: accessKeyId, region, service } = auth;
          const key = { accessKeyId, secretAccessKey: secret, region, service };
          const body = init.body as ArrayBuffer | string | null | undefined;
          const signer = new AwsV4Signer({
            ...key,
            method: init.method ?? "GET",
            url: url.href,
            headers: await withOwn(init.headers, "", own),
            ...(body != null && { body }),
          });
          const signed = await signer.sign();
          return await ask(signed.url, { ...init, headers: signed.headers });
        },
      };
  }
}

/**
 * The account of a person in place of the connection's own.
 *
 * @param ownToken - the person's token; the argument is one that the other system has just refused
 */
export function openPersonal(
  origin: string,
  ownToken: (refused: string | null) => Promise<string>,
): Credential {
  return withBearer(origin, (_ask, refused) => ownToken(refused));
}

function inHeaders(
  origin: string,
  secrets: readonly string[],
  write: () => Record<string, string>,
): Credential {
  return {
    renews: false,
    secrets: () => secrets,
    async send(ask, url, init, _isAgain, own) {
      requireOrigin(origin, url);
      const headers = await withOwn(init.headers, "", own);
      for (const [header, value] of Object.entries(write())) headers.set(header, value);
      return await ask(url, { ...init, headers });
    },
  };
}

async function withOwn(given: Headers, account: string, own: OwnHeaders | undefined): Promise<Headers> {
  const headers = new Headers(given);
  for (const [header, value] of Object.entries((await own?.(account)) ?? {})) headers.set(header, value);
  return headers;
}

function withBearer(
  origin: string,
  take: (ask: typeof fetch, refused: string | null) => Promise<string>,
): Credential {
  let sent: string | null = null;
  return {
    renews: true,
    secrets: () => (sent === null ? [] : [sent]),
    async send(ask, url, init, isAgain, own) {
      requireOrigin(origin, url);
      const token = await take(ask, isAgain ? sent : null);
      sent = token;
      const headers = await withOwn(init.headers, digestText(token), own);
      headers.set("authorization", `Bearer ${token}`);
      return await ask(url, { ...init, headers });
    },
  };
}

function keeperOf(memory: ObjectMemory, key: string): TokenKeeper {
  const known = memory.get(key);
  if (known instanceof TokenKeeper) return known;
  const keeper = new TokenKeeper();
  memory.set(key, keeper);
  return keeper;
}

/** A credential reaches no other origin, whatever asks for it. */
function requireOrigin(origin: string, url: URL): void {
  if (url.origin !== origin)
    throw new TypeError("A request with a credential goes to the connection's origin alone.");
}

function toBasic(user: string, secret: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(`${user}:${secret}`)));
}
