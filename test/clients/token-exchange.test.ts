import http from "node:http";
import type { AddressInfo } from "node:net";
import { createRemoteJWKSet, jwtVerify } from "jose";
import Provider, { type ProviderContext } from "oidc-provider";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compileDocument } from "../../scripts/connections/openapi/compile-document.ts";
import { listLoaders } from "../../scripts/local/demonstration.ts";
import { packDefinitions } from "../../shared/connections/definitions.ts";
import { openapiEntry } from "../../shared/connections/kinds/openapi.ts";
import { writeRevision } from "../../shared/connections/revision.ts";
import { type CommandedGateway, publishDocuments, sendCommand } from "../support/connection-commands.ts";
import { type GatewayProcess, startGateway } from "../support/gateway-process.ts";
import { AppCredentials } from "./app-credentials.ts";
import { liftLimits } from "./questions/lift-limits.ts";
import { openTaskClient, type TaskClient } from "./questions/open-clients.ts";

const GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange";
const LANES = ["sessionful", "stateless"] as const;

/** Accounts at the other system, by the e-mail address that an assertion names. */
const ACCOUNTS: Readonly<Record<string, string>> = {
  "admin@gatehouse.example": "adam-there",
  "editor@gatehouse.example": "edith-there",
};

const DOCUMENT = {
  openapi: "3.1.0",
  info: { title: "Ledger", version: "1" },
  paths: { "/me": { get: { operationId: "whoami", responses: {} } } },
};

let gateway: GatewayProcess;
let commanded: CommandedGateway;
let provider: Provider;
let issuer: string;
const keySetReads: string[] = [];
const clients: TaskClient[] = [];
const server = http.createServer((request, response) => {
  if (request.url !== "/api/me") return void provider.callback()(request, response);
  const token = (request.headers.authorization ?? "").replace("Bearer ", "");
  void provider.AccessToken.find(token).then((found) => {
    response.writeHead(found ? 200 : 401, { "content-type": "application/json" });
    response.end(JSON.stringify(found ? { user: found.accountId, audience: found.aud } : {}));
  });
});

/**
 * An authorization server that other people wrote (the npm package `oidc-provider`): it verifies Gatehouse as a client
 * (`private_key_jwt`) by the key set that Gatehouse serves. The grant is ours, and reads the same key set.
 */
function openProvider(): Provider {
  const keys = createRemoteJWKSet(new URL("/.well-known/jwks.json", gateway.url));
  const made = new Provider(issuer, {
    clients: [
      {
        client_id: "gatehouse",
        token_endpoint_auth_method: "private_key_jwt",
        token_endpoint_auth_signing_alg: "ES256",
        jwks_uri: `${gateway.url}/.well-known/jwks.json`,
        grant_types: [GRANT_TYPE],
        redirect_uris: [],
        response_types: [],
      },
    ],
    clientAuthMethods: ["private_key_jwt"],
    cookies: { keys: ["a key of the test"] },
    ttl: { AccessToken: 600 },
    features: { devInteractions: { enabled: false } },
    interactions: { url: () => "/" },
    findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    loadExistingGrant: async () => undefined,
    fetch: (address: string, { method, headers, signal }: RequestInit) => {
      keySetReads.push(String(address));
      // Without its own connections, which refuse loopback addresses.
      return fetch(address, { method, headers, signal } as RequestInit);
    },
  });
  const exchange = async (context: ProviderContext) => {
    const { client, params = {} } = context.oidc;
    const assertion = String(params.subject_token);
    const expected = {
      issuer: gateway.url,
      audience: issuer,
      algorithms: ["ES256"],
      maxTokenAge: "5 minutes",
    };
    const { payload } = await jwtVerify(assertion, keys, expected);
    const token = new made.AccessToken({
      client,
      accountId: ACCOUNTS[String(payload.email)],
      scope: "ledger",
    });
    token.aud = String(params.audience);
    const access_token = await token.save();
    const issued_token_type = "urn:ietf:params:oauth:token-type:access_token";
    context.body = { access_token, issued_token_type, token_type: "Bearer", expires_in: token.expiration };
  };
  made.registerGrantType(GRANT_TYPE, exchange, [
    "subject_token",
    "subject_token_type",
    "requested_token_type",
    "audience",
  ]);
  return made;
}

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  issuer = `http://${host}`;
  let database: D1Database | undefined;
  gateway = await startGateway({
    vars: { PLAIN_HTTP_UPSTREAMS: host },
    async seed(env) {
      database = env.PLATFORM_DB;
      await listLoaders({ contacts: 1, events: 1 }).PLATFORM_DB?.load(env.PLATFORM_DB, () => {}, env.MEDIA);
      await liftLimits(env.PLATFORM_DB);
      await env.PLATFORM_DB.prepare(`UPDATE "user" SET "role" = 'admin' WHERE "id" = 'demo-editor'`).run();
    },
  });
  provider = openProvider();
  commanded = { url: gateway.url, database: database as D1Database };
  const { operations } = compileDocument("ledger", DOCUMENT, entry());
  const digests: string[] = [];
  for (const { document } of packDefinitions(operations)) {
    const asked = { command: "definitions", document };
    digests.push(...(await sendCommand<{ digests: string[] }>(commanded, asked)).digests);
  }
  await publishDocuments(commanded, { ledger: writeRevision("ledger", entry(), digests) });
});

afterAll(async () => {
  for (const client of clients) await client.close();
  await gateway?.stop();
  server.close();
});

const entry = () =>
  openapiEntry.parse({
    kind: "openapi",
    title: "Ledger",
    description: "Bookings of each person.",
    owner: "team@people.example",
    document: "ledger.yaml",
    reach: { url: `${issuer}/api`, check: "/me" },
    auth: {
      type: "token_exchange",
      token_endpoint: `${issuer}/token`,
      issuer,
      audience: "ledger-api",
      client_id: "gatehouse",
      claims: ["email"],
    },
  });

describe("token exchange with an authorization server that other people wrote", () => {
  it("tests the connection as a person", async () => {
    const asked = { command: "test", connection: "ledger", entry: entry(), secret: null };
    const person = "admin@gatehouse.example";
    expect(await sendCommand(commanded, { ...asked, person })).toMatchObject({
      ok: true,
      report: { mistakes: [] },
      trust: { issuer: gateway.url, audience: issuer },
    });
  });

  it.each(LANES)(
    "shows two people their own data only, through the SDK's client of the %s lane",
    async (lane) => {
      const asAdmin = await openTaskClient(gateway, lane);
      const asEditor = await openTaskClient(gateway, lane, new AppCredentials("editor"));
      clients.push(asAdmin, asEditor);
      const [first, second] = await Promise.all([
        asAdmin.call("ledger_whoami"),
        asEditor.call("ledger_whoami"),
      ]);
      expect([first.error, second.error]).toEqual([undefined, undefined]);
      expect(first.data.result).toEqual({ user: "adam-there", audience: "ledger-api" });
      expect(second.data.result).toEqual({ user: "edith-there", audience: "ledger-api" });
      expect(keySetReads).toContain(`${gateway.url}/.well-known/jwks.json`);
    },
  );
});
