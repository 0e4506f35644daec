import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { compileDocument } from "../../../scripts/connections/openapi/compile-document.ts";
import { storeDefinitions } from "../../../shared/connections/definition-store.ts";
import type { PersonalEntry } from "../../../shared/connections/entry.ts";
import { openapiEntry } from "../../../shared/connections/kinds/openapi.ts";
import { writeRevision } from "../../../shared/connections/revision.ts";
import { accountGate } from "../../../shared/objects/account-gate.ts";
import { storeCatalogues } from "../../../shared/policy/changes/publications.ts";
import { authorizationServerOf } from "../../../workers/connections/oauth/authorization-server.ts";
import { writeSecret } from "../../../workers/connections/vault.ts";
import { allEventsOf } from "../../audit/trail.ts";
import { arrive } from "../../support/arrive.ts";
import { createPerson, signIn } from "../../support/oauth.ts";
import { publishCatalogues } from "../../support/publish.ts";
import { LANES, openSession } from "../../support/session.ts";
import { connect, control, stats, userOf, world } from "./account-world.ts";
import { attemptsIn, command, takeChanges } from "./gateway.ts";

const NAMES = ["web", "webrace", "webgone", "webfound", "webwords"] as const;

/** An entry whose authorization server is named, in its own words or by its metadata. */
function entryOf(name: string, more: object = {}) {
  const server = `${world(name)}/as`;
  const fixed = {
    issuer: server,
    authorization_endpoint: `${server}/authorize`,
    token_endpoint: `${server}/token`,
    revocation_endpoint: `${server}/revoke`,
  };
  const endpoints = name === "webfound" ? { issuer: server } : fixed;
  return openapiEntry.parse({
    kind: "openapi",
    title: "Files",
    description: "Files of each person.",
    owner: "team@people.example",
    document: "files.yaml",
    reach: { url: `${world(name)}/api` },
    auth: {
      type: "per_person",
      client_id: "gatehouse-at-files",
      scopes: ["files.read", "offline"],
      parameters: { access_type: "offline" },
      ...endpoints,
    },
    ...more,
  });
}

const DOCUMENT = {
  openapi: "3.1.0",
  info: { title: "Files", version: "1" },
  // What the document says of where it is served is not used.
  servers: [{ url: "https://files.example" }],
  paths: {
    "/me": { get: { operationId: "whoami", responses: {} } },
    "/away": { get: { operationId: "away", responses: {} } },
    "/me/{id}": {
      get: {
        operationId: "elsewhere",
        servers: [{ url: "https://evil.example" }],
        parameters: [{ name: "id", in: "path", required: true, schema: { type: "string" } }],
        responses: {},
      },
    },
  },
};

beforeAll(async () => {
  await writeSecret(env, "web", "client-secret", Date.now());
  const documents: Record<string, string> = {};
  for (const name of NAMES) {
    const { operations } = compileDocument(name, DOCUMENT, entryOf(name));
    const digests = await storeDefinitions(env.PLATFORM_DB, operations, Date.now());
    documents[name] = writeRevision(name, entryOf(name), digests);
  }
  await publishCatalogues(storeCatalogues(documents, Date.now()));
  await takeChanges();
});

const targetOf = (name: string, person: string) => ({
  connection: name,
  person: `user_${person}`,
  entry: entryOf(name),
});
const open = (
  server: string,
  lane: (typeof LANES)[number],
  as: string,
  capabilities: Record<string, unknown> = {},
) => openSession({ server, lane, as, scopes: [`${server}:read`], capabilities });

describe("an HTTP API with each person's own accounts", () => {
  it.each(LANES)("shows two people their own data only, on the %s lane", async (lane) => {
    const [ann, bob] = [await arrive("ann"), await arrive("bob")];
    expect((await connect(ann, "web", "ann@there")).headers.get("location")).toBe(
      "/connections?done=connected",
    );
    expect((await connect(bob, "web", "bob@there")).status).toBe(303);
    const [asAnn, asBob] = [await open("web", lane, "ann"), await open("web", lane, "bob")];
    const calls = Array.from({ length: 6 }, (_, at) => (at % 2 === 0 ? asAnn : asBob).call("web_whoami"));
    const users = (await Promise.all(calls)).map(({ data }) => data.result.user);
    expect(users).toEqual(Array.from({ length: 6 }, (_, at) => (at % 2 === 0 ? "ann@there" : "bob@there")));
  });

  it("asks with PKCE, the entry's scopes and parameters and no resource, and gives the client's secret to the token endpoint alone", async () => {
    await connect(await arrive("ann"), "web", "ann@there");
    const { asked, clients, seen } = await stats("web");
    const sent = new URLSearchParams(asked.at(-1));
    expect(Object.fromEntries(sent)).toMatchObject({
      client_id: "gatehouse-at-files",
      scope: "files.read offline",
      access_type: "offline",
      code_challenge_method: "S256",
      redirect_uri: `${env.PUBLIC_URL}/connections/web/callback`,
    });
    expect(sent.has("resource")).toBe(false);
    expect(clients.at(-1)).toBe(`Basic ${btoa("gatehouse-at-files:client-secret")} `);
    expect(seen.join()).not.toContain("client-secret");
  });

  it("finds the endpoints by the issuer's metadata, and is a public client without a secret", async () => {
    await connect(await arrive("ann"), "webfound", "ann@there");
    expect((await (await open("webfound", "stateless", "ann")).call("webfound_whoami")).data.result).toEqual({
      user: "ann@there",
    });
    expect((await stats("webfound")).clients.at(-1)?.trim()).toBe("");
  });

  it.each(LANES)("sends no token after a redirect, on the %s lane", async (lane) => {
    await connect(await arrive("bob"), "web", "bob@there");
    const { error } = await (await open("web", lane, "bob")).call("web_away");
    expect(error).toMatchObject({ code: "forbidden" });
    expect(error?.message).toContain("redirects to another address");
  });

  it("makes no tool of an operation that another `servers` entry serves", () => {
    const { operations, refused } = compileDocument("web", DOCUMENT, entryOf("web"));
    expect(operations.map(({ name }) => name)).toEqual(["whoami", "away"]);
    expect(refused).toMatchObject([{ name: "elsewhere" }]);
  });

  it("sends a token only to the address that its person agreed to, whatever the entry names now", async () => {
    await connect(await arrive("jan"), "web", "jan@there");
    const gate = accountGate(env, "web", "user_jan");
    const elsewhere = { ...targetOf("web", "jan"), entry: entryOf("webtrap") };
    expect(await gate.token(elsewhere, null)).toMatchObject({
      ok: false,
      failure: { code: "account_needed" },
    });
    expect((await stats("webtrap")).seen).toEqual([]);
    expect(await gate.token(targetOf("web", "jan"), null)).toMatchObject({ ok: true });
  });

  it("renews once for 50 calls at once", async () => {
    await connect(await arrive("dora"), "webrace", "dora@there");
    const gate = accountGate(env, "webrace", "user_dora");
    const first = await gate.token(targetOf("webrace", "dora"), null);
    const token = first.ok ? first.token : "";
    const before = await stats("webrace");
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => gate.token(targetOf("webrace", "dora"), token)),
    );
    expect(new Set(answers.map((answer) => (answer.ok ? answer.token : answer.failure.message))).size).toBe(
      1,
    );
    // The same by calls of two apps, whose tokens the API takes no more.
    await control("webrace", {}, "expire");
    const [one, other] = [
      await open("webrace", "stateless", "dora"),
      await open("webrace", "sessionful", "dora"),
    ];
    const calls = Array.from({ length: 20 }, (_, at) => (at % 2 === 0 ? one : other).call("webrace_whoami"));
    for (const { data } of await Promise.all(calls)) expect(data.result.user).toBe("dora@there");
    const after = await stats("webrace");
    expect([after.refreshes - before.refreshes, after.reuses]).toEqual([2, 0]);
  });

  it("renews in the middle of a session, and says when the grant has ended and when the account is refused", async () => {
    const eve = await arrive("eve");
    await connect(eve, "webgone", "eve@there");
    const session = await open("webgone", "sessionful", "eve");
    const call = () => session.call("webgone_whoami");
    expect((await call()).data.result.user).toBe("eve@there");
    await control("webgone", {}, "expire");
    expect((await call()).data.result.user).toBe("eve@there");
    await control("webgone", { refuses: true });
    expect((await call()).error).toMatchObject({
      code: "forbidden",
      message: "Files refuses the person's account.",
      suggested_action: `The person can connect it again at ${env.PUBLIC_URL}/connections/webgone`,
    });
    await control("webgone", { refuses: false });
    await control("webgone", {}, "end");
    expect((await call()).error?.message).toMatch(/has to be connected again.*\/connections\/webgone/);
    expect(await (await eve.get("/connections")).text()).toContain("Ended by the other system");
    await connect(eve, "webgone", "eve@there");
    expect((await call()).data.result.user).toBe("eve@there");
  });

  it("understands vendors that refuse with status 200 and name the type of a token by its owner", async () => {
    await control("webwords", { ownWords: true });
    await connect(await arrive("eve"), "webwords", "eve@there");
    const session = await open("webwords", "stateless", "eve");
    expect((await session.call("webwords_whoami")).data.result.user).toBe("eve@there");
    await control("webwords", { failures: [400] });
    await control("webwords", {}, "expire");
    expect((await session.call("webwords_whoami")).error?.message).toContain("has to be connected again");
  });

  it("leads the person to the page in the middle of a call, and goes on", async () => {
    const carl = await arrive("carl");
    const without = await (await open("web", "stateless", "carl")).call("web_whoami");
    expect(without.error?.message).toContain(`${env.PUBLIC_URL}/connections/web`);
    const session = await open("web", "stateless", "carl", { elicitation: { url: {} } });
    const params = { name: "web_whoami", arguments: {} };
    const { result } = await session.request("tools/call", params);
    const [[key, question]] = Object.entries(result.inputRequests) as [[string, { params: { url: string } }]];
    expect(question.params.url).toBe(`${env.PUBLIC_URL}/connections/web`);
    const { requestState } = result;
    const inputResponses = { [key]: { action: "accept" } };
    const running = session.request("tools/call", { ...params, inputResponses, requestState });
    await connect(carl, "web", "carl@there");
    expect((await running).result.structuredContent.result).toEqual({ user: "carl@there" });
  });

  it("refuses an answer that is replayed, of another browser's state, or of another issuer", async () => {
    const kim = await arrive("kim");
    const begin = async () => {
      const begun = await kim.post("/connections/web/connect", {});
      const away = new URL(begun.headers.get("location") ?? "");
      away.searchParams.set("as_user", "kim@there");
      return new URL((await fetch(away, { redirect: "manual" })).headers.get("location") ?? "");
    };
    const pathOf = ({ pathname, search }: URL) => pathname + search;
    const back = await begin();
    expect((await kim.get(pathOf(back))).headers.get("location")).toBe("/connections?done=connected");
    expect((await kim.get(pathOf(back))).status, "replayed").toBe(400);
    const other = await begin();
    other.searchParams.set("state", "of-another-browser");
    expect((await kim.get(pathOf(other))).status, "another state").toBe(400);
    const mixed = await begin();
    mixed.searchParams.set("iss", "https://evil.example");
    expect((await kim.get(pathOf(mixed))).status, "another issuer").toBe(400);
    const foreign = await begin();
    const elsewhere = foreign.pathname.replace("/web/", "/webfound/") + foreign.search;
    expect((await kim.get(elsewhere)).status, "the callback of another connection").toBe(400);
    expect(await attemptsIn("user_kim")).toEqual(["callback", "mix_up", "mix_up", "callback"]);
  });

  it("ends at both sides when the person disconnects, and leaves no token in pages, rows and records", async () => {
    const fay = await arrive("fay");
    await connect(fay, "web", "fay@there");
    const { token } = (await accountGate(env, "web", "user_fay").token(targetOf("web", "fay"), null)) as {
      token: string;
    };
    expect(await userOf("web", token)).toBe("fay@there");
    const admin = await signIn(await createPerson("admin", "Ina Admin"));
    const pages = [await (await admin.get("/console/connections")).text()];
    pages.push(await (await admin.get("/console/connections/web/offers")).text());
    expect(pages[0]).toContain("Who is connected");
    expect(pages[1]).toContain("Who uses web");
    expect(pages[1]).toContain("fay");
    expect((await fay.post("/connections/web/disconnect", {})).headers.get("location")).toBe(
      "/connections?done=disconnected",
    );
    expect(await userOf("web", token)).toBeUndefined();
    expect((await (await open("web", "stateless", "fay")).call("web_whoami")).error?.message).toContain(
      "has not connected an account",
    );
    const rows = (await env.PLATFORM_DB.prepare("SELECT * FROM person_account").all()).results;
    const kept = JSON.stringify([rows, pages, await allEventsOf("user_fay")]);
    for (const secret of (await stats("web")).tokens) expect(kept).not.toContain(secret);
  });

  it.each(["token_endpoint", "issuer", "revocation_endpoint"])(
    "sends the client's secret to no %s that its operator has not agreed to",
    async (name) => {
      const auth = { ...entryOf("web").auth, [name]: "https://evil.example/as" };
      const asked = { command: "test", connection: "web", entry: entryOf("web", { auth }), secret: null };
      const answer = await command(asked);
      expect(answer).toMatchObject({ ok: false, failure: { code: "forbidden" } });
      expect(answer.failure.message).toContain("https://evil.example");
    },
  );

  it("asks no endpoint within the deployment's own network, the one that ends tokens included", async () => {
    for (const name of ["token_endpoint", "revocation_endpoint"]) {
      const auth = { ...entryOf("web").auth, [name]: "https://169.254.169.254/as" };
      const found = authorizationServerOf(env, "web", entryOf("web", { auth }) as PersonalEntry);
      await expect(found, name).rejects.toThrow("names an address that is not asked");
    }
  });
});
