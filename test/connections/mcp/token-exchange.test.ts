import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { accountGate } from "../../../shared/objects/account-gate.ts";
import { stubOf } from "../../../shared/objects/open-object.ts";
import { writeSecret } from "../../../workers/connections/vault.ts";
import { makeKeyOf } from "../../keys/make-key.ts";
import { createPerson, signIn } from "../../support/oauth.ts";
import { LANES, openSession } from "../../support/session.ts";
import {
  apiOf,
  control,
  exchange,
  keySet,
  mcpOf,
  publishExchanged,
  stats,
  trust,
  trustGatehouse,
} from "./exchange-world.ts";

const CLAIMS = ["email", "name", "role"];

beforeAll(async () => {
  await trustGatehouse("desk", "files", "keyed", "signed", "secret", "posted", "race", "ends");
  await publishExchanged({
    desk: mcpOf("desk"),
    files: apiOf("files", {
      audience: "files-api",
      scopes: ["read", "list"],
      resource: "https://files.example/",
    }),
    keyed: mcpOf("keyed", { claims: CLAIMS }),
  });
});

const textOf = ({ content }: { content: readonly object[] }) =>
  (content[0] as { text?: string } | undefined)?.text;
const open = (server: string, lane: (typeof LANES)[number], as: string) =>
  openSession({ server, lane, as, scopes: [`${server}:read`] });
const objectOf = (connection: string, person: string) =>
  stubOf(env, env.PERSON_ACCOUNT, `${connection}:${person}`);

describe.each(LANES)("token exchange on the %s lane", (lane) => {
  it("shows two people of an MCP server their own data only, each with a token of their own", async () => {
    const [asAnn, asBob] = [await open("desk", lane, "ann"), await open("desk", lane, "bob")];
    const calls = Array.from({ length: 6 }, (_, at) => (at % 2 === 0 ? asAnn : asBob).call("desk_whoami"));
    const users = (await Promise.all(calls)).map(textOf);
    expect(users).toEqual(Array.from({ length: 6 }, (_, at) => (at % 2 === 0 ? "user_ann" : "user_bob")));
    expect((await asAnn.readResource("desk:own://data"))[0].text).toBe("data of user_ann");
    expect((await asBob.readResource("desk:own://data"))[0].text).toBe("data of user_bob");
    const { tokens, seen } = await stats("desk");
    expect(new Set(tokens).size).toBe(tokens.length);
    for (const sent of seen) expect(sent === "" || tokens.includes(sent.replace("Bearer ", ""))).toBe(true);
  });

  it("shows two people of an HTTP API their own data only", async () => {
    const [asAnn, asBob] = [await open("files", lane, "ann"), await open("files", lane, "bob")];
    const calls = Array.from({ length: 6 }, (_, at) => (at % 2 === 0 ? asAnn : asBob).call("files_whoami"));
    const users = (await Promise.all(calls)).map(({ data }) => data.result.user);
    expect(users).toEqual(Array.from({ length: 6 }, (_, at) => (at % 2 === 0 ? "user_ann" : "user_bob")));
  });

  it("names an API key by its own id, and not as its owner", async () => {
    const person = await createPerson("admin");
    const key = await makeKeyOf(person, { resources: ["/mcp/keyed"], scopes: ["keyed:read"] });
    const token = { accessToken: key.text, clientId: key.id };
    const asKey = await openSession({ server: "keyed", lane, token });
    expect(textOf(await asKey.call("keyed_whoami"))).toBe(key.id);
    const { claims } = (await stats("keyed")).assertions.at(-1) ?? { claims: {} };
    expect(claims).toMatchObject({ sub: key.id, role: "admin" });
    expect(Object.keys(claims)).not.toContain("email");
    expect(Object.keys(claims)).not.toContain("name");
    expect(JSON.stringify(claims)).not.toContain(person.email);
  });

  it("exchanges once more when the other system refuses a token, and then says so", async () => {
    const names = { sessionful: "max", stateless: "mia" };
    const session = await open("desk", lane, names[lane]);
    expect(textOf(await session.call("desk_whoami"))).toBe(`user_${names[lane]}`);
    await control("desk", {}, "expire");
    const before = (await stats("desk")).asked.length;
    expect(textOf(await session.call("desk_whoami"))).toBe(`user_${names[lane]}`);
    expect((await stats("desk")).asked.length - before).toBe(1);
    await control("desk", { refuses: true });
    const { error } = await session.call("desk_whoami");
    await control("desk", { refuses: false });
    expect((await stats("desk")).asked.length - before).toBe(2);
    expect(error).toMatchObject({
      code: "forbidden",
      message: "Trusting refuses the token that was exchanged for this person.",
    });
  });
});

describe("an assertion", () => {
  it("says who calls, for one authorization server, for two minutes, and no more than the entry asks for", async () => {
    const session = await open("desk", "stateless", "kim");
    await session.call("desk_whoami");
    const { assertions } = await stats("desk");
    const { claims, header } = assertions.at(-1) ?? { claims: {}, header: {} };
    const { keys } = await keySet();
    expect(header).toEqual({ alg: "ES256", typ: "JWT", kid: keys[0]?.kid });
    expect(claims).toEqual({
      iss: env.PUBLIC_URL,
      sub: "user_kim",
      aud: trust("desk"),
      iat: expect.any(Number),
      exp: Number(claims.iat) + 120,
      jti: expect.any(String),
    });
  });

  it("names e-mail address, name and role of a person where the entry asks for them", async () => {
    await (await open("keyed", "stateless", "kim")).call("keyed_whoami");
    expect((await stats("keyed")).assertions.at(-1)?.claims).toMatchObject({
      sub: "user_kim",
      email: "kim@people.example",
      name: "kim",
      role: "admin",
    });
  });

  it("is sent as RFC 8693 has it, with audience, resource and scopes of the entry", async () => {
    await (await open("files", "stateless", "kim")).call("files_whoami");
    await (await open("desk", "stateless", "lea")).call("desk_whoami");
    const { subject_token: _assertion, ...sent } = (await stats("files")).asked.at(-1) ?? {};
    const common = {
      grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
      subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
      requested_token_type: "urn:ietf:params:oauth:token-type:access_token",
      authorization: "",
    };
    expect(sent).toEqual({
      ...common,
      audience: "files-api",
      resource: "https://files.example/",
      scope: "read list",
    });
    const { subject_token: _other, ...toTools } = (await stats("desk")).asked.at(-1) ?? {};
    expect(toTools, "an MCP server is the resource by itself").toEqual({
      ...common,
      resource: `${trust("desk")}/mcp`,
    });
  });

  it.each([
    ["signed", { client_id: "gatehouse" }, { id: "gatehouse" }],
    [
      "secret",
      { client_id: "gatehouse", token_endpoint_auth_method: "client_secret_basic" },
      { id: "gatehouse", secret: "s3cret-of-the-client" },
    ],
    [
      "posted",
      { client_id: "gatehouse", token_endpoint_auth_method: "client_secret_post" },
      { id: "gatehouse", secret: "s3cret-of-the-client" },
    ],
  ])("comes from a client that is known, %s", async (name, auth, client) => {
    await writeSecret(env, name, "s3cret-of-the-client", Date.now());
    await control(name, { client });
    expect(await exchange(name, "user_kim", { entry: mcpOf(name, auth) })).toMatchObject({ ok: true });
    const { seen, asked } = await stats(name);
    expect(asked).toHaveLength(1);
    expect(seen.join()).not.toContain("s3cret");
  });
});

describe("an exchanged token", () => {
  it("is exchanged once for 50 calls at once, also when the other system has refused it", async () => {
    const all = () => Promise.all(Array.from({ length: 50 }, () => exchange("race", "user_dora")));
    const tokens = new Set((await all()).map((answer) => (answer.ok ? answer.token : "")));
    expect(tokens.size).toBe(1);
    expect((await stats("race")).asked).toHaveLength(1);
    const [refused = ""] = tokens;
    const again = Array.from({ length: 50 }, () => exchange("race", "user_dora", { refused }));
    const renewed = new Set((await Promise.all(again)).map((answer) => (answer.ok ? answer.token : "")));
    expect([...renewed]).toHaveLength(1);
    expect(renewed).not.toContain(refused);
    expect((await stats("race")).asked).toHaveLength(2);
  });

  it("is exchanged once for 50 calls of a person through both lanes", async () => {
    const [one, other] = [
      await open("files", "stateless", "dora"),
      await open("files", "sessionful", "dora"),
    ];
    const before = (await stats("files")).asked.length;
    const calls = Array.from({ length: 50 }, (_, at) => (at % 2 === 0 ? one : other).call("files_whoami"));
    const answers = await Promise.all(calls);
    const told = answers.filter(({ isError }) => !isError).map(({ data }) => data.result.user);
    expect(new Set(told)).toEqual(new Set(["user_dora"]));
    // More calls than the queue of the person's connection holds are told so.
    const busy = answers.filter(({ isError }) => isError).map(({ error }) => error?.message);
    expect(busy.filter((message) => !message?.startsWith("Too many calls"))).toEqual([]);
    expect((await stats("files")).asked.length - before).toBe(1);
  });

  it("is kept sealed through an eviction, and deleted when it ends", async () => {
    const first = await exchange("race", "user_eva");
    const token = first.ok ? first.token : "";
    const object = objectOf("race", "user_eva");
    await evictDurableObject(object);
    expect(await exchange("race", "user_eva")).toEqual({ ok: true, token });
    const kept = await runInDurableObject(object, async (_object, { storage }) => ({
      all: JSON.stringify([...(await storage.list())]),
      alarm: (await storage.getAlarm()) ?? 0,
    }));
    expect(kept.all).toContain("sealed");
    expect(kept.all).not.toContain(token);
    expect(kept.alarm - Date.now()).toBeGreaterThan(3_500_000);
    expect(kept.alarm - Date.now()).toBeLessThanOrEqual(3_600_000);
    await runInDurableObject(object, async (_object, { storage }) => {
      const [[key, value] = ["", {}]] = [...(await storage.list<object>({ prefix: "exchanged " }))];
      await storage.put(key, { ...value, endsAt: Date.now() - 1 });
    });
    await runInDurableObject(object, (instance) =>
      (instance as unknown as { alarm(): Promise<void> }).alarm(),
    );
    const left = await runInDurableObject(
      object,
      async (_object, { storage }) => (await storage.list()).size,
    );
    expect(left).toBe(0);
  });

  it("is used for five minutes at most when the other side names no end, and for an hour whatever it names", async () => {
    const keptFor = async (person: string, changes: object) => {
      await control("ends", { changes });
      expect(await exchange("ends", person)).toMatchObject({ ok: true });
      const object = objectOf("ends", person);
      const alarm = await runInDurableObject(object, (_object, { storage }) => storage.getAlarm());
      return Math.round(((alarm ?? 0) - Date.now()) / 60_000);
    };
    expect(await keptFor("user_short", { expires_in: null })).toBe(5);
    expect(await keptFor("user_long", { expires_in: 10_000_000 })).toBe(60);
    await control("ends", { changes: { expires_in: 0 } });
    const [first, second] = [await exchange("ends", "user_none"), await exchange("ends", "user_none")];
    await control("ends", { changes: {} });
    expect(first.ok && second.ok && first.token !== second.token).toBe(true);
  });

  it("counts no more under another role or entry", async () => {
    const gate = (entry = mcpOf("ends"), role = "admin") => exchange("ends", "user_rob", { entry, role });
    const answers = [
      await gate(),
      await gate(),
      await gate(mcpOf("ends"), "viewer"),
      await gate(mcpOf("ends", { audience: "another" })),
      await gate(mcpOf("ends", { scopes: ["less"] })),
    ];
    const tokens = answers.map((answer) => (answer.ok ? answer.token : ""));
    expect(tokens[1]).toBe(tokens[0]);
    expect(new Set(tokens).size).toBe(4);
    const kept = await runInDurableObject(objectOf("ends", "user_rob"), (_object, { storage }) =>
      storage.list(),
    );
    expect(kept.size, "the earlier ones are gone").toBe(1);
  });

  it("is forgotten with the rights of its person, also one that is on its way", async () => {
    const kept = async () =>
      await runInDurableObject(
        objectOf("ends", "user_sam"),
        async (_object, { storage }) => (await storage.list()).size,
      );
    await exchange("ends", "user_sam");
    expect(await kept()).toBe(1);
    const gate = accountGate(env, "ends", "user_sam");
    await gate.forgetExchanged({ connection: "ends", person: "user_sam" });
    expect(await kept()).toBe(0);
    await control("ends", { holds: true });
    const asking = exchange("ends", "user_sam");
    await fetch(`${trust("ends")}/held`);
    await gate.forgetExchanged({ connection: "ends", person: "user_sam" });
    await control("ends", { holds: false });
    expect(await asking).toMatchObject({ ok: false, failure: { code: "unavailable" } });
    expect(await kept()).toBe(0);
  });

  it("shows administrators who uses the connection, and no token", async () => {
    await (await open("desk", "stateless", "gil")).call("desk_whoami");
    const admin = await signIn(await createPerson("admin", "Ina Admin"));
    const page = await (await admin.get("/console/connections/desk/offers")).text();
    expect(page).toContain("gil");
    const rows = (await env.PLATFORM_DB.prepare("SELECT * FROM person_account").all()).results;
    const shown = page + JSON.stringify(rows);
    for (const token of (await stats("desk")).tokens) expect(shown).not.toContain(token);
  });
});
