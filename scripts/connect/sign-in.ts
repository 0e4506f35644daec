import { randomBytes, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import {
  auth,
  Client,
  type OAuthClientProvider,
  StreamableHTTPClientTransport,
} from "@modelcontextprotocol/client";
import { CommandFailure } from "../local/failure.ts";

/** Text in the browser after a successful sign-in. */
const DONE =
  '<!doctype html><meta charset="utf-8"><meta name="color-scheme" content="light dark"><meta name="viewport" content="width=device-width"><title>Signed in</title><p>Signed in. You can close this page and go back to the command.';

/** Milliseconds that the user has for signing in and the consent page. */
const PATIENCE_MS = 10 * 60_000;

/** State of one sign-in, in memory only: access ends with the command. */
type Kept = {
  registration?: Awaited<ReturnType<OAuthClientProvider["clientInformation"]>>;
  tokens?: Awaited<ReturnType<OAuthClientProvider["tokens"]>>;
  discovery?: Awaited<ReturnType<NonNullable<OAuthClientProvider["discoveryState"]>>>;
  verifier: string;
};

/** Access that the command requests. */
export interface Asking {
  /** Name of the command on the consent page. */
  name: string;
  /** The scopes it needs; the user may reduce them. */
  scopes: readonly string[];
  /** Purpose of the sign-in, after «to sign in and»: `to allow the import`. */
  purpose: string;
}

/**
 * Connects a command to an MCP URL as its user: prints the address of the sign-in, waits for the redirect on
 * a loopback port (RFC 8252 §7.3), and returns a connected client. Throws a {@link CommandFailure} when the
 * URL does not answer, the user denies, or ten minutes pass.
 */
export async function connectAsPerson(
  url: URL,
  { name, scopes, purpose }: Asking,
  say: (line: string) => void,
): Promise<Client> {
  const state = randomBytes(16).toString("base64url");
  const callback = await listenForCallback(state);
  try {
    const kept: Kept = { verifier: "" };
    const authProvider = makeProvider(callback.url, name, state, kept, (address) =>
      say(`Open this page to sign in and ${purpose}:\n\n  ${address}\n`),
    );
    await auth(authProvider, { serverUrl: url, scope: scopes.join(" ") });
    const answer = await callback.answer;
    const [code, issuer] = ["code", "iss"].map((field) => answer.get(field) ?? "") as [string, string];
    await auth(authProvider, { serverUrl: url, authorizationCode: code, iss: issuer });
    const client = new Client({ name, version: "1.0.0" }, { versionNegotiation: { mode: "auto" } });
    await client.connect(new StreamableHTTPClientTransport(url, { authProvider }));
    return client;
  } catch (failure) {
    if (failure instanceof CommandFailure) throw failure;
    throw new CommandFailure(
      `No connection to ${url.href}.`,
      "Check the address, and sign in again.",
      failure,
    );
  } finally {
    callback.close();
  }
}

function makeProvider(
  redirectUrl: string,
  name: string,
  state: string,
  kept: Kept,
  show: (address: string) => void,
): OAuthClientProvider {
  return {
    redirectUrl,
    clientMetadata: {
      client_name: name,
      redirect_uris: [redirectUrl],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: "none",
    },
    state: () => state,
    clientInformation: () => kept.registration,
    saveClientInformation: (registration) => {
      kept.registration = registration;
    },
    tokens: () => kept.tokens,
    saveTokens: (tokens) => {
      kept.tokens = tokens;
    },
    discoveryState: () => kept.discovery,
    saveDiscoveryState: (discovery) => {
      kept.discovery = discovery;
    },
    codeVerifier: () => kept.verifier,
    saveCodeVerifier: (verifier) => {
      kept.verifier = verifier;
    },
    redirectToAuthorization: (address) => show(address.href),
  };
}

/**
 * Listens on a free loopback port for the one redirect with our `state`; other requests get 404 and change
 * nothing.
 */
async function listenForCallback(
  state: string,
): Promise<{ url: string; answer: Promise<URLSearchParams>; close(): void }> {
  const { promise: answer, resolve, reject } = Promise.withResolvers<URLSearchParams>();
  // Handles the rejection: without a handler it would end the process before the caller awaits it.
  answer.catch(() => {});
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://127.0.0.1");
    if (pathname !== "/callback" || !isSame(searchParams.get("state") ?? "", state)) {
      response.writeHead(404).end();
      return;
    }
    const headers = {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": "default-src 'none'",
    };
    response.writeHead(200, { ...headers, connection: "close" }).end(DONE);
    if (searchParams.get("error") === null) resolve(searchParams);
    else
      reject(
        new CommandFailure(
          "The access was denied on the consent page.",
          "Run the command again and allow it.",
        ),
      );
  });
  await new Promise<void>((listening, failed) => {
    server.once("error", failed);
    server.listen(0, "127.0.0.1", listening);
  });
  const timer = setTimeout(
    () => reject(new CommandFailure("No sign-in within ten minutes.", "Run the command again.")),
    PATIENCE_MS,
  );
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/callback`,
    answer,
    close() {
      clearTimeout(timer);
      server.close();
      server.closeAllConnections();
    },
  };
}

function isSame(given: string, wanted: string): boolean {
  return given.length === wanted.length && timingSafeEqual(Buffer.from(given), Buffer.from(wanted));
}
