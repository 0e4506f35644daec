import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Browser, findForm, type Page, type Redirect, readText } from "../../scripts/demo/browser.ts";
import { authorize, discover, giveConsent, registerClient } from "../../scripts/demo/oauth.ts";
import { DEMO_PASSWORD, DEMO_PEOPLE, seedPeople } from "../../scripts/seed/people.ts";
import { connectionEntry } from "../../shared/connections/entry.ts";
import { type FixtureGateway, startFixtureGateway } from "../conformance/fixture-gateway.ts";
import { approveAll, type CommandedGateway, publishOne } from "../support/connection-commands.ts";
import { type GatewayProcess, startGateway } from "../support/gateway-process.ts";

const admin = DEMO_PEOPLE.find(({ role }) => role === "admin");
const account = { email: admin?.email ?? "", password: DEMO_PASSWORD };

let behind: FixtureGateway;
let front: GatewayProcess;
let commanded: CommandedGateway;
let token = "";
const browser = new Browser();

const entryOf = () =>
  connectionEntry.parse({
    ...{ kind: "mcp", title: "The other Gatehouse", description: "Another one.", owner: "tests" },
    reach: { url: behind.fixtureUrl },
    auth: { type: "per_person" },
  });

beforeAll(async () => {
  behind = await startFixtureGateway();
  // Its callers bring tokens of their own here.
  behind.front.lend = undefined;
  let database: D1Database | undefined;
  front = await startGateway({
    main: "test/conformance/relayed/worker.ts",
    vars: { PLAIN_HTTP_UPSTREAMS: new URL(behind.url).host },
    async seed({ PLATFORM_DB }) {
      database = PLATFORM_DB;
      await seedPeople(PLATFORM_DB, { asOf: new Date(), report: () => {} });
    },
  });
  commanded = { url: front.url, database: database as D1Database };
  await publishOne(commanded, "test", entryOf());
});

afterAll(async () => {
  await front?.stop();
  await behind?.stop();
});

/** Opens a page of the front Gatehouse, signed in. */
async function open(path: string): Promise<Page> {
  const answer = await browser.open(front.url + path);
  if (!isRedirect(answer)) return answer;
  const form = findForm((await browser.open(answer.location)) as Page, "password");
  const typed = form.fields.map(([name, value]) => [name, account[name as "email"] ?? value] as const);
  const signedIn = await browser.send(form, typed);
  if (!isRedirect(signedIn)) throw new Error(`Sign-in failed: ${readText(signedIn)}`);
  return (await browser.open(signedIn.location)) as Page;
}

/** Sends the form of the page of connections that has this action. */
async function send(action: "connect" | "disconnect"): Promise<string> {
  await open("/connections");
  const form = { action: `${front.url}/connections/test/${action}`, fields: [], boxes: [] };
  const answer = await browser.send(form, []);
  if (!isRedirect(answer)) throw new Error(readText(answer));
  return answer.location;
}

/** Goes through sign-in and consent at the other Gatehouse, as a person with a browser does. */
async function connect(): Promise<string> {
  const callback = await giveConsent(await send("connect"), new Browser(), account, () => {});
  const answer = await browser.open(callback.href);
  return isRedirect(answer) ? answer.location : readText(answer);
}

function isRedirect(answer: Page | Redirect): answer is Redirect {
  return "location" in answer;
}

/** Calls a tool of the connection at the URL of all servers. Gives the text of its answer. */
async function call(name: string): Promise<string> {
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": { name: "test", version: "1" },
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  const response = await fetch(`${front.url}/mcp`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": "tools/call",
      "mcp-name": name,
    },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: { name, arguments: {}, _meta },
    }),
  });
  const { result, error } = JSON.parse(await response.text()) as {
    result?: { content: { text: string }[] };
    error?: object;
  };
  return result?.content[0]?.text ?? JSON.stringify(error);
}

const ANSWER = "This is a simple text response for testing.";

describe("a second Gatehouse as authorization server and MCP server behind the first", () => {
  it("registers the first one, asks for consent, and takes its token from there on", async () => {
    const seen: string[] = [];
    behind.front.watch = ({ url = "", method }) => void seen.push(`${method} ${url.split("?")[0]}`);
    expect(await connect()).toBe(`${front.url}/connections?done=connected`);
    for (const step of [
      "GET /.well-known/oauth-protected-resource/mcp/fixture",
      "GET /.well-known/oauth-authorization-server",
      "POST /oauth/register",
      "POST /oauth/token",
    ])
      expect(seen).toContain(step);
    await approveAll(commanded, "test", entryOf(), account.email);
    await publishOne(commanded, "test", entryOf());
    const { discovery } = await discover(`${front.url}/mcp`);
    const clientId = await registerClient(discovery, "An app");
    token = (await authorize(discovery, clientId, new Browser(), account, () => {})).accessToken;
    const offered: string[] = [];
    behind.front.watch = ({ headers }) => void offered.push(headers.authorization ?? "");
    expect(await call("test_simple_text")).toBe(ANSWER);
    // The app's token stays here; the other one got its own.
    expect(offered.some((sent) => sent.startsWith("Bearer "))).toBe(true);
    expect(offered.join(" ")).not.toContain(token);
  });

  it("answers fifty calls at once, and loses no grant", async () => {
    for (let round = 0; round < 3; round += 1) {
      const answers = await Promise.all(Array.from({ length: 50 }, () => call("test_simple_text")));
      const refused = answers.filter((text) => text !== ANSWER);
      // More than wait for a session of one person are told to come back; none is told to connect again.
      for (const text of refused) expect(text).toContain("Too many calls");
      expect(await call("test_simple_text")).toBe(ANSWER);
    }
  });

  it("is told when the person disconnects here, and a call says to connect again", async () => {
    expect(await send("disconnect")).toBe(`${front.url}/connections?done=disconnected`);
    expect(await call("test_simple_text")).toContain(`${front.url}/connections/test`);
    expect(await connect()).toBe(`${front.url}/connections?done=connected`);
    expect(await call("test_simple_text")).toBe(ANSWER);
  });

  it("ends the grant in the middle of a session, and the page here says so", async () => {
    const there = new Browser();
    await giveConsent(await send("connect"), there, account, () => {});
    const page = (await there.open(`${behind.url}/account`)) as Page;
    // Every app that has access there, Gatehouse among them.
    for (const [, form = ""] of page.html.matchAll(
      /<form[^>]*action="\/account\/revoke"[^>]*>([\s\S]*?)<\/form>/g,
    )) {
      const [, name = "", value = ""] = /<input[^>]*name="([^"]+)"[^>]*value="([^"]+)"/.exec(form) ?? [];
      const action = `${behind.url}/account/revoke`;
      await there.send({ action, fields: [], boxes: [] }, [[name, value]]);
    }
    expect(await call("test_simple_text")).toContain("has to be connected again");
    expect((await open("/connections")).html).toContain("Ended by the other system");
  });
});
