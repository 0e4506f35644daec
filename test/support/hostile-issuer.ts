import { createHmac, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { listen } from "./issuers.ts";

/** What a code of the hostile issuer asks its token endpoint to make. */
export interface Forgery {
  nonce?: string;
  /** Replace claims of the ID token. `null` removes one. */
  claims?: Record<string, unknown>;
  /** `RS256` by default; `none`, `HS256` with the client's secret, `HS256-public` with the published key as secret. */
  alg?: "RS256" | "none" | "HS256" | "HS256-public";
  /** The key to sign with; `stranger` is never published, `second` after it was asked for once. */
  key?: "first" | "second" | "stranger";
  /** What the userinfo endpoint says, if it is asked. */
  userInfo?: Record<string, unknown>;
  /** Answers of the doubles of GitHub. */
  github?: Record<string, unknown>;
}

/** The secret that Gatehouse has at the hostile issuer. */
export const HOSTILE_SECRET = "the-secret-of-the-hostile-issuer";

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A code that the hostile issuer's token endpoint takes. */
export const forge = (forgery: Forgery): string => encode(forgery);

/**
 * An issuer that does what it is told, also what no issuer may do. `/<name>` is an issuer per name; some names have a
 * fault of their own. The root is also a team of Cloudflare Access (`/cdn-cgi/access/certs`) and a GitHub Enterprise
 * Server, and `POST /sign` signs any token. Ends with the process, which it does not keep alive.
 */
export async function startHostileIssuer(): Promise<{ origin: string }> {
  let keys: Record<string, Pair> | undefined;
  let published = ["first"];
  const server = createServer((request, response) => {
    keys ??= { first: createPair("first"), second: createPair("second"), stranger: createPair("stranger") };
    answer(request, response, { origin, keys, published: () => published }).catch((failure: unknown) => {
      response.writeHead(500).end(String(failure));
    });
    if (request.url === "/rotate") published = ["second"];
  });
  const origin = `http://127.0.0.1:${await listen(server)}`;
  server.unref();
  return { origin };
}

interface Pair {
  privateKey: KeyObject;
  publicKey: KeyObject;
  jwk: Record<string, unknown>;
}

interface Place {
  origin: string;
  keys: Record<string, Pair>;
  published(): string[];
}

function createPair(kid: string): Pair {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return {
    privateKey,
    publicKey,
    jwk: { ...publicKey.export({ format: "jwk" }), kid, use: "sig", alg: "RS256" },
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, place: Place): Promise<void> {
  const { origin, keys, published } = place;
  const { pathname } = new URL(request.url ?? "/", origin);
  const json = (value: unknown, status = 200) =>
    void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
  const jwks = { keys: published().map((kid) => keys[kid]?.jwk) };
  if (pathname === "/rotate") return json({});
  if (pathname === "/cdn-cgi/access/certs") return json({ ...jwks, public_certs: [] });
  if (pathname === "/sign") return json({ token: makeToken(JSON.parse(await readText(request)), keys) });
  if (pathname === "/login/oauth/access_token") {
    const code = new URLSearchParams(await readText(request)).get("code") ?? "";
    return json({ access_token: code, token_type: "bearer", scope: "" });
  }
  if (pathname.startsWith("/api/v3/")) {
    const { github = {} } = decode(request.headers.authorization?.slice("Bearer ".length) ?? "");
    const found = github[pathname.slice("/api/v3".length)];
    return found === undefined ? json({ message: "Not Found" }, 404) : json(found);
  }
  const [, name = "", ...rest] = pathname.split("/");
  const issuer = `${origin}/${name}`;
  switch (rest.join("/")) {
    case ".well-known/openid-configuration":
      if (name === "redirects")
        return void response.writeHead(302, { location: `${origin}/fine/${rest.join("/")}` }).end();
      if (name === "endless") return endless(response);
      if (name === "broken")
        return void response.writeHead(200, { "content-type": "text/html" }).end("<h1>Hello</h1>");
      return json(describe(name === "other" ? `${origin}/fine` : issuer, issuer, name));
    case "jwks":
      return json(jwks);
    case "token": {
      const forgery = decode(new URLSearchParams(await readText(request)).get("code") ?? "");
      const id_token = makeToken({ ...forgery, claims: { iss: issuer, ...forgery.claims } }, keys);
      return json({ access_token: encode(forgery), token_type: "Bearer", expires_in: 60, id_token });
    }
    case "userinfo":
      return json(
        decode(request.headers.authorization?.slice("Bearer ".length) ?? "").userInfo ?? { sub: "mallory" },
      );
    default:
      return void response.writeHead(404).end();
  }
}

function describe(issuer: string, base: string, name: string) {
  return {
    issuer,
    authorization_endpoint: `${base}/authorize`,
    token_endpoint: `${base}/token`,
    jwks_uri: `${base}/jwks`,
    ...(name === "informed" && { userinfo_endpoint: `${base}/userinfo` }),
    ...(name === "named" && { authorization_response_iss_parameter_supported: true }),
    // It says itself that it takes anything.
    id_token_signing_alg_values_supported: ["RS256", "HS256", "none"],
    token_endpoint_auth_methods_supported: ["client_secret_post"],
    response_types_supported: ["code"],
    subject_types_supported: ["public"],
  };
}

function makeToken(
  { alg = "RS256", key = "first", nonce, claims = {} }: Forgery,
  keys: Record<string, Pair>,
): string {
  const now = Math.floor(Date.now() / 1_000);
  const all: Record<string, unknown> = {
    aud: "gatehouse",
    sub: "mallory",
    iat: now,
    exp: now + 300,
    email: "mallory@evil.example",
    email_verified: true,
    name: "Mallory",
    groups: ["gatehouse-admins"],
    ...(nonce !== undefined && { nonce }),
    ...claims,
  };
  const payload = encode(Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null)));
  const head = encode({ alg: alg === "HS256-public" ? "HS256" : alg, kid: key, typ: "JWT" });
  return `${head}.${payload}.${signatureOf(`${head}.${payload}`, alg, keys[key] as Pair)}`;
}

function signatureOf(text: string, alg: Forgery["alg"], { privateKey, publicKey }: Pair): string {
  if (alg === "none") return "";
  if (alg === "HS256") return createHmac("sha256", HOSTILE_SECRET).update(text).digest("base64url");
  if (alg === "HS256-public") {
    const pem = publicKey.export({ type: "spki", format: "pem" });
    return createHmac("sha256", pem).update(text).digest("base64url");
  }
  return sign("sha256", Buffer.from(text), privateKey).toString("base64url");
}

function decode(code: string): Forgery {
  return JSON.parse(Buffer.from(code, "base64url").toString()) as Forgery;
}

async function readText(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return text;
}

function endless(response: ServerResponse): void {
  const chunk = Buffer.alloc(64 * 1024, " ");
  const source = new Readable({ read: () => void source.push(chunk) });
  response.writeHead(200, { "content-type": "application/json" });
  response.on("close", () => void source.destroy());
  source.pipe(response);
}
