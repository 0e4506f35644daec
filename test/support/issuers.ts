import { generateKeyPairSync } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** The secret that Gatehouse has at the issuer. */
export const ISSUER_SECRET = "the-secret-of-the-test-issuer";

/** A person at the issuer, by their login there. What is missing has a default. */
const PEOPLE: Readonly<Record<string, Record<string, unknown>>> = {
  ada: { email: "ada@corp.example", name: "Ada Lovelace", groups: ["gatehouse-sales"] },
  root: { email: "root@corp.example", name: "Root", groups: ["gatehouse-admins"] },
  guest: { email: "guest@corp.example", name: "Guest", groups: ["visitors"] },
  unverified: { email: "victor@corp.example", email_verified: false, groups: ["gatehouse-sales"] },
};

/**
 * Starts OpenID providers on this machine: the npm package `oidc-provider`, which other people wrote. One origin serves
 * the issuer; a login at it is any name, and `?…` of the interaction decides nothing: the form does. Claims of a login
 * can be changed with `POST /people/<login>`. Loaded at the first request, so that a run without it pays nothing. Ends
 * with the process, which it does not keep alive.
 */
export async function startIssuer(callbacks: string[]): Promise<{ issuer: string }> {
  let handler: Promise<(request: IncomingMessage, response: ServerResponse) => void> | undefined;
  const server = createServer((request, response) => {
    handler ??= openProvider(issuer, callbacks);
    handler
      .then((handle) => handle(request, response))
      .catch((failure: unknown) => {
        console.error(failure);
        response.writeHead(500).end();
      });
  });
  const issuer = `http://127.0.0.1:${await listen(server)}`;
  server.unref();
  return { issuer };
}

async function openProvider(issuer: string, redirectUris: string[]) {
  const { default: Provider } = await import("oidc-provider");
  const people = new Map(Object.entries(PEOPLE));
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: "gatehouse",
        client_secret: ISSUER_SECRET,
        redirect_uris: redirectUris,
        post_logout_redirect_uris: redirectUris.map((uri) => new URL("/sign-in", uri).href),
      },
    ],
    jwks: { keys: [createKey()] },
    pkce: { required: () => true },
    claims: {
      openid: ["sub", "amr"],
      profile: ["name"],
      email: ["email", "email_verified"],
      groups: ["groups"],
    },
    cookies: { keys: ["a key of the test issuer"] },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_context, { uid }) => `/login/${uid}` },
    // Every person here agrees to everything.
    async loadExistingGrant(context) {
      const { client, session, params } = context.oidc;
      if (!client || !session?.accountId) return undefined;
      const grant = new context.oidc.provider.Grant({
        clientId: client.clientId,
        accountId: session.accountId,
      });
      grant.addOIDCScope(String(params?.scope ?? "openid"));
      await grant.save();
      return grant;
    },
    findAccount: (_context, id) => {
      const claims = people.get(id) ?? { email: `${id}@corp.example`, groups: [] };
      return { accountId: id, claims: () => ({ sub: id, email_verified: true, name: id, ...claims }) };
    },
  });
  provider.on("server_error", (_context, failure) => console.error(failure));
  const answer = provider.callback();
  return (request: IncomingMessage, response: ServerResponse) => {
    const { pathname } = new URL(request.url ?? "/", issuer);
    const login = /^\/login\/([^/]+)$/.exec(pathname);
    const person = /^\/people\/([^/]+)$/.exec(pathname)?.[1];
    if (login && request.method === "GET") return void showLogin(response);
    if (login) {
      return void readBody(request).then((text) => {
        const form = new URLSearchParams(text);
        const amr = form.has("code") ? ["pwd", "otp"] : ["pwd"];
        return provider.interactionFinished(request, response, {
          login: { accountId: form.get("login") ?? "", amr, remember: true },
        });
      });
    }
    if (person !== undefined) {
      return void readBody(request).then((text) => {
        people.set(person, JSON.parse(text) as Record<string, unknown>);
        response.end();
      });
    }
    void answer(request, response);
  };
}

function createKey() {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { ...privateKey.export({ format: "jwk" }), kid: "issuer", use: "sig", alg: "RS256" };
}

function showLogin(response: ServerResponse): void {
  response.setHeader("Content-Type", "text/html");
  response.end(`<!doctype html><title>Corp login</title><h1>Corp login</h1>
    <form method="post"><label>Login <input name="login"></label>
    <label><input type="checkbox" name="code"> With a second factor</label>
    <button>Log in</button></form>`);
}

async function readBody(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return text;
}

/** Starts a server at a free port of this machine. Returns the port. */
export function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}
