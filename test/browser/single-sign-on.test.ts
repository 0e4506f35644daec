import { createServer } from "node:http";
import {
  Client,
  type OAuthClientProvider,
  StreamableHTTPClientTransport,
} from "@modelcontextprotocol/client";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { canonicalize, digestText } from "../../shared/encoding/canonical-json.ts";
import type { JsonValue } from "../../shared/encoding/json.ts";
import { putInForce } from "../../shared/policy/changes/publications.ts";
import bundled from "../../shared/policy/policy.json" with { type: "json" };
import { type PolicyDocument, policyDocument } from "../../shared/policy/schema.ts";
import { type GatewayProcess, startGateway } from "../support/gateway-process.ts";
import { startHostileIssuer } from "../support/hostile-issuer.ts";
import { ISSUER_SECRET, listen, startIssuer } from "../support/issuers.ts";
import { findFaintTexts, findNamelessControls, findOverflow } from "./measure.ts";
import { arriveAt, openBrowser, takePicture } from "./walk.ts";

const AUTHENTICATOR = {
  protocol: "ctap2",
  transport: "internal",
  hasResidentKey: true,
  hasUserVerification: true,
  isUserVerified: true,
  automaticPresenceSimulation: true,
} as const;
const AUDIENCE = "aud-of-gatehouse";

let browser: Browser;
let gateway: GatewayProcess;
let team: string;

beforeAll(async () => {
  const callbacks: string[] = [];
  const { issuer } = await startIssuer(callbacks);
  team = (await startHostileIssuer()).origin;
  gateway = await startGateway({
    vars: { SSO_CORP_SECRET: ISSUER_SECRET },
    seed: (env) => publish(env, signInWith(issuer)),
  });
  callbacks.push(`${gateway.url}/sign-in/with/corp/callback`);
  browser = await openBrowser();
});

afterAll(async () => {
  await Promise.all([browser?.close(), gateway?.stop()]);
});

const signInWith = (issuer: string): PolicyDocument["sign_in"] => ({
  password: "refused",
  contact: "Grace Hopper (grace@corp.example)",
  providers: {
    corp: {
      kind: "oidc",
      title: "Corp",
      issuer,
      client_id: "gatehouse",
      scopes: ["profile", "email", "groups"],
      domains: ["corp.example"],
      roles: [{ role: "sales", when: { groups: ["gatehouse-sales"] } }],
    },
    team: {
      kind: "access",
      title: "Corp Access",
      team,
      audience: AUDIENCE,
      roles: [{ role: "sales", when: { email_domain: ["team.example"] } }],
    },
  },
});

/** Puts the bundled policy in force with another section, as `npm run policy -- publish` does. */
async function publish(env: Env, sign_in: PolicyDocument["sign_in"]): Promise<void> {
  const policy = policyDocument.parse(structuredClone(bundled));
  Object.assign(policy.roles.sales ?? {}, {
    conditions: [
      {
        name: "fresh",
        tools: ["crm_find_contacts"],
        require: { mfa_max_age: 30 },
        message: "Customers are personal.",
      },
    ],
  });
  const document = canonicalize({ ...policy, sign_in } as unknown as JsonValue);
  const publication = {
    after: 0,
    replaced: 1,
    version: 2,
    at: Date.now(),
    by: "tests",
    note: "single sign-on",
  };
  const sql = putInForce({ ...publication, digest: digestText(document) }, document);
  const statements = sql.split(";\n").map((text) => env.PLATFORM_DB.prepare(text.replace(/;$/, "")));
  await env.PLATFORM_DB.batch(statements);
}

async function openPage(options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext({ baseURL: gateway.url, javaScriptEnabled: false, ...options });
  return await context.newPage();
}

/** Connects the official client as an app does: its own discovery, registration and exchange; the page is the person's. */
async function connectApp(
  visit: (address: URL) => Promise<void>,
  capabilities: object = {},
): Promise<Client> {
  const received: URLSearchParams[] = [];
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://127.0.0.1");
    if (pathname === "/callback") received.push(searchParams);
    response.setHeader("Content-Type", "text/html").end("<title>Back</title><h1>Back at the client</h1>");
  });
  const redirectUrl = `http://127.0.0.1:${await listen(server)}/callback`;
  const kept: Record<string, unknown> = {};
  let address: URL | undefined;
  const authProvider: OAuthClientProvider = {
    redirectUrl,
    clientMetadata: {
      client_name: "SDK app",
      redirect_uris: [redirectUrl],
      token_endpoint_auth_method: "none",
    },
    clientInformation: () => kept.client as never,
    saveClientInformation: (client) => void Object.assign(kept, { client }),
    tokens: () => kept.tokens as never,
    saveTokens: (tokens) => void Object.assign(kept, { tokens }),
    redirectToAuthorization: (url) => {
      address = url;
    },
    saveCodeVerifier: (verifier) => void Object.assign(kept, { verifier }),
    codeVerifier: () => String(kept.verifier),
  };
  const url = new URL(`${gateway.url}/mcp/crm`);
  const first = new StreamableHTTPClientTransport(url, { authProvider });
  await expect(new Client({ name: "test", version: "1" }).connect(first)).rejects.toThrow();
  if (address === undefined) throw new Error("The client was not sent to sign in.");
  await visit(address);
  await first.finishAuth(received.at(-1) ?? new URLSearchParams());
  const client = new Client({ name: "test", version: "1" }, { capabilities });
  await client.connect(new StreamableHTTPClientTransport(url, { authProvider }));
  server.close();
  return client;
}

/** The first call that an app makes. */
async function callOnce(client: Client): Promise<void> {
  const { tools } = await client.listTools();
  expect(tools.length).toBeGreaterThan(10);
  const answer = await client.callTool({ name: "crm_list_tasks", arguments: {} });
  expect(answer.isError ?? false).toBe(false);
  await client.close();
}

describe("a fresh deployment without any password", () => {
  it("takes a person from their app over the issuer and consent to the first call", async () => {
    const page = await openPage();
    const client = await connectApp(async (address) => {
      await page.goto(address.href);
      await arriveAt(page, "Sign in");
      expect(await page.locator('input[type="password"]').count()).toBe(0);
      await takePicture(page, "single-sign-on");
      await page.getByRole("link", { name: "Continue with Corp", exact: true }).click();
      await arriveAt(page, "Corp login");
      await page.getByLabel("Login").fill("ada");
      await page.getByRole("button", { name: "Log in" }).click();
      await arriveAt(page, /^Allow /);
      await page.getByRole("button", { name: "Allow" }).click();
      await arriveAt(page, "Back at the client");
    });
    await callOnce(client);
    await page.goto("/account");
    expect(await page.getByText("ada@corp.example").count()).toBe(1);
    expect(await page.getByRole("heading", { name: "Password" }).count()).toBe(0);
    await page.getByRole("button", { name: "Sign out", exact: true }).click();
    await arriveAt(page, "You are signed out of Gatehouse");
    await takePicture(page, "single-sign-on-out");
    await page.getByRole("link", { name: "Sign out of Corp too" }).click();
    expect(page.url()).toContain("/session/end");
  });

  it("leads an address of the domain to its provider, by keyboard alone", async () => {
    const page = await openPage();
    await page.goto("/sign-in");
    await page.getByLabel("E-mail").focus();
    await page.keyboard.type("ada@corp.example");
    await page.keyboard.press("Enter");
    await arriveAt(page, "Corp login");
  });

  it("takes a person whom Cloudflare Access let through to the first call", async () => {
    const claims = { iss: team, aud: [AUDIENCE], sub: "a-1", email: "grace@team.example", name: "Grace" };
    const signed = await fetch(`${team}/sign`, { method: "POST", body: JSON.stringify({ claims }) });
    const { token } = (await signed.json()) as { token: string };
    const page = await openPage({ extraHTTPHeaders: { "Cf-Access-Jwt-Assertion": token } });
    const client = await connectApp(async (address) => {
      await page.goto(address.href);
      await page.getByRole("link", { name: "Continue with Corp Access" }).click();
      await arriveAt(page, /^Allow /);
      await page.getByRole("button", { name: "Allow" }).click();
      await arriveAt(page, "Back at the client");
    });
    await callOnce(client);
  });

  it("goes on with a waiting call once its person has given a passkey on the page that opened", async () => {
    const page = await openPage({ javaScriptEnabled: true });
    const cdp = await page.context().newCDPSession(page);
    await cdp.send("WebAuthn.enable");
    await cdp.send("WebAuthn.addVirtualAuthenticator", { options: AUTHENTICATOR });
    const client = await connectApp(
      async (address) => {
        await page.goto(address.href);
        await page.getByRole("link", { name: "Continue with Corp", exact: true }).click();
        await page.getByLabel("Login").fill("ada");
        await page.getByRole("button", { name: "Log in" }).click();
        await page.getByRole("button", { name: "Allow" }).click();
        await arriveAt(page, "Back at the client");
      },
      { elicitation: { url: {} } },
    );
    await page.goto("/account/passkeys");
    await page.getByLabel("Name, such as the device").fill("Laptop");
    await page.getByRole("button", { name: "Add a passkey" }).click();
    await page.getByRole("heading", { name: "Laptop" }).waitFor();
    await page.context().clearCookies();
    const asked: string[] = [];
    client.setRequestHandler("elicitation/create", async ({ params }) => {
      asked.push(String((params as { url?: string }).url));
      await page.goto(asked.at(-1) ?? "");
      await page.getByRole("link", { name: "Sign in with a passkey" }).click();
      await page.getByRole("button", { name: "Use a passkey" }).click();
      await arriveAt(page, "Confirm a call of SDK app");
      await takePicture(page, "step-up");
      await page.getByRole("button", { name: "Confirm" }).click();
      await arriveAt(page, "Confirmed");
      return { action: "accept" };
    });
    const answer = await client.callTool({ name: "crm_find_contacts", arguments: { query: "a" } });
    expect(answer.isError ?? false, JSON.stringify(answer.content)).toBe(false);
    expect(asked).toHaveLength(1);
    await client.close();
  });

  it("says whom to ask when an issuer knows a person and no rule does", async () => {
    const page = await openPage({ viewport: { width: 360, height: 740 } });
    await page.goto("/sign-in/with/corp");
    await page.getByLabel("Login").fill("guest");
    await page.getByRole("button", { name: "Log in" }).click();
    await arriveAt(page, "You are not signed in");
    expect(await page.locator("main").innerText()).toContain("Ask Grace Hopper (grace@corp.example)");
    await takePicture(page, "single-sign-on-refused");
  });

  it("shows its pages on a phone, light and dark, with readable texts and named controls", async () => {
    const page = await openPage({
      viewport: { width: 360, height: 740 },
      javaScriptEnabled: true,
      reducedMotion: "reduce",
    });
    await page.goto("/sign-in");
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      expect(await findFaintTexts(page)).toEqual([]);
      expect(await findNamelessControls(page)).toEqual([]);
      expect(await findOverflow(page)).toBeLessThanOrEqual(0);
      await takePicture(page, `single-sign-on-phone-${colorScheme}`);
    }
  });
});
