import { runInDurableObject } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { ExchangedEntry } from "../../../shared/connections/entry.ts";
import { splitStatements } from "../../../shared/encoding/split-statements.ts";
import { stubOf } from "../../../shared/objects/open-object.ts";
import { nameWhoChanged, setDisabled, setRole } from "../../../shared/people/statements.ts";
import { writeSecret } from "../../../workers/connections/vault.ts";
import { allEventsOf } from "../../audit/trail.ts";
import { LANES, openSession } from "../../support/session.ts";
import { addPerson } from "../../support/token.ts";
import {
  apiOf,
  control,
  exchange,
  mcpOf,
  publishExchanged,
  stats,
  trust,
  trustGatehouse,
} from "./exchange-world.ts";
import { attemptsIn } from "./gateway.ts";

const SECRET = "s3cret-of-the-client-at-the-other-side";

beforeAll(async () => {
  await trustGatehouse("lies", "honest", "leaving", "quiet", "moved", "there");
  await writeSecret(env, "quiet", SECRET, Date.now());
  await control("quiet", { client: { id: "gatehouse", secret: SECRET } });
  await publishExchanged({
    lies: apiOf("lies"),
    leaving: mcpOf("leaving"),
    moved: apiOf("moved"),
    quiet: apiOf("quiet", {
      client_id: "gatehouse",
      token_endpoint_auth_method: "client_secret_basic",
      claims: ["email"],
    }),
  });
});

afterEach(() => vi.restoreAllMocks());

const open = (server: string, lane: (typeof LANES)[number], as: string) =>
  openSession({ server, lane, as, scopes: [`${server}:read`] });

/** Runs a change of a person, and notifies the Worker as the command does. */
async function change(person: string, sql: string): Promise<void> {
  const mark = crypto.randomUUID();
  const whole = `${sql}\n${nameWhoChanged(person, "tests", mark)}`;
  await env.PLATFORM_DB.batch(splitStatements(whole).map((text) => env.PLATFORM_DB.prepare(text)));
  const body = JSON.stringify({ mark });
  const headers = { "content-type": "application/json", "content-length": String(body.length) };
  const url = new URL("/people/changes", env.PUBLIC_URL);
  expect((await exports.default.fetch(new Request(url, { method: "POST", headers, body }))).status).toBe(200);
}

describe("an assertion in wrong hands", () => {
  const assertionOf = async (name: string) => (await stats(name)).asked.at(-1)?.subject_token ?? "";
  const send = async (name: string, subject_token: string) => {
    const body = new URLSearchParams({ subject_token });
    const answer = await fetch(`${trust(name)}/token`, { method: "POST", body });
    await answer.text();
    return answer.status;
  };

  it("counts once, and at no other authorization server", async () => {
    await exchange("honest", "user_ann", { entry: apiOf("honest") });
    const assertion = await assertionOf("honest");
    expect(await send("honest", assertion)).toBe(400);
    expect((await stats("honest")).refused.at(-1)).toBe("It was used before.");
    expect(await send("there", assertion)).toBe(400);
    expect((await stats("there")).refused.at(-1)).toContain('unexpected "aud" claim value');
  });

  it("opens nothing at Gatehouse: neither an MCP URL nor the token endpoint", async () => {
    await exchange("honest", "user_bob", { entry: apiOf("honest") });
    const assertion = await assertionOf("honest");
    const called = await exports.default.fetch(new URL("/mcp/lies", env.PUBLIC_URL), {
      method: "POST",
      headers: { authorization: `Bearer ${assertion}`, "content-type": "application/json" },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" }),
    });
    expect(called.status).toBe(401);
    const asked = await exports.default.fetch(new URL("/oauth/token", env.PUBLIC_URL), {
      method: "POST",
      body: new URLSearchParams({
        grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
        resource: `${env.PUBLIC_URL}/mcp/lies`,
        assertion,
      }),
    });
    expect(asked.status).toBeGreaterThanOrEqual(400);
    expect(asked.status).toBeLessThan(500);
  });

  it("has what a person calls themselves as a value alone", async () => {
    const email = 'mallory","sub":"user_root","x":"@people.example';
    await addPerson({ name: "mallory", role: "admin" });
    await env.PLATFORM_DB.prepare(`UPDATE "user" SET "email" = ? WHERE "id" = 'user_mallory'`)
      .bind(email)
      .run();
    const entry = apiOf("honest", { claims: ["email"] });
    expect(await exchange("honest", "user_mallory", { entry })).toMatchObject({ ok: true });
    const { claims } = (await stats("honest")).assertions.at(-1) ?? { claims: {} };
    expect(claims).toMatchObject({ sub: "user_mallory", email });
    expect(claims).not.toHaveProperty("x");
  });
});

describe("an e-mail address", () => {
  const claimed = async (name: string) => {
    await (await open("quiet", "stateless", name)).call("quiet_whoami");
    return (await stats("quiet")).assertions.at(-1)?.claims;
  };

  it("is that of the person now, not that of the time when the app got its token", async () => {
    const session = await open("quiet", "stateless", "moira");
    const move = `UPDATE "user" SET "email" = 'moved@people.example' WHERE "id" = 'user_moira'`;
    await env.PLATFORM_DB.prepare(move).run();
    await session.call("quiet_whoami");
    expect((await stats("quiet")).assertions.at(-1)?.claims).toMatchObject({
      sub: "user_moira",
      email: "moved@people.example",
    });
    expect(await claimed("nora")).toMatchObject({ sub: "user_nora", email: "nora@people.example" });
  });

  it("is said of no person who is kept out or not there", async () => {
    const id = await addPerson({ name: "otto", role: "admin" });
    await env.PLATFORM_DB.prepare(`UPDATE "user" SET "disabled" = 1 WHERE "id" = ?`).bind(id).run();
    const entry = apiOf("honest", { claims: ["email"] });
    const before = (await stats("honest")).asked.length;
    for (const person of [id, "user_of_nothing"]) {
      const answer = await exchange("honest", person, { entry });
      expect(answer).toMatchObject({
        failure: { code: "forbidden", message: "The person has no access any more." },
      });
    }
    expect((await stats("honest")).asked.length).toBe(before);
  });
});

describe("a person's token", () => {
  it.each(LANES)("does not go along with a redirect, on the %s lane", async (lane) => {
    const { error } = await (await open("lies", lane, `away${lane}`)).call("lies_away");
    expect(error?.message).toContain("redirects to another address");
    expect(await attemptsIn(`user_away${lane}`)).toEqual([]);
  });

  it("does not go to another address that the entry names later", async () => {
    const session = await open("moved", "stateless", "jan");
    expect((await session.call("moved_whoami")).data.result.user).toBe("user_jan");
    const { tokens } = await stats("moved");
    const entry = { ...apiOf("moved"), reach: apiOf("there").reach } as ExchangedEntry;
    await publishExchanged({
      lies: apiOf("lies"),
      leaving: mcpOf("leaving"),
      quiet: apiOf("quiet", { client_id: "gatehouse", token_endpoint_auth_method: "client_secret_basic" }),
      moved: entry,
    });
    await (await open("moved", "stateless", "jan")).call("moved_whoami");
    const { seen } = await stats("there");
    expect(seen.length).toBeGreaterThan(0);
    for (const token of tokens) expect(seen.join()).not.toContain(token);
  });

  it.each([
    ["kept out", (id: string) => setDisabled(id, true, new Date().toISOString())],
    ["given another role", (id: string) => setRole(id, "viewer", new Date().toISOString())],
  ])("ends at once for a person who is %s, on both lanes", async (what, sql) => {
    const name = `end${what.length}`;
    const sessions = [await open("leaving", "sessionful", name), await open("leaving", "stateless", name)];
    for (const session of sessions) expect((await session.call("leaving_whoami")).isError).toBe(false);
    const object = stubOf(env, env.PERSON_ACCOUNT, `leaving:user_${name}`);
    const kept = () =>
      runInDurableObject(object, async (_object, { storage }) => (await storage.list()).size);
    expect(await kept()).toBe(1);
    const before = await stats("leaving");
    await change(`user_${name}`, sql(`user_${name}`));
    expect(await kept(), "nothing is kept").toBe(0);
    for (const session of sessions) {
      const { result, status } = await session.request("tools/call", {
        name: "leaving_whoami",
        arguments: {},
      });
      expect(status === 401 || status === 403 || result === undefined || result.isError).toBe(true);
    }
    const after = await stats("leaving");
    expect([after.asked.length, after.seen.length]).toEqual([before.asked.length, before.seen.length]);
    const rows = await env.PLATFORM_DB.prepare("SELECT * FROM person_account WHERE user_id = ?")
      .bind(`user_${name}`)
      .all();
    expect(rows.results).toEqual([]);
  });

  it("is in no log line, record, row and copy; neither are assertion and secret", async () => {
    const lines: string[] = [];
    for (const level of ["debug", "log", "info", "warn", "error"] as const)
      vi.spyOn(console, level).mockImplementation((...text: unknown[]) => void lines.push(text.join(" ")));
    for (const lane of LANES) await (await open("quiet", lane, "una")).call("quiet_whoami");
    await control("quiet", { answers: [{ status: 400, body: { error: "SECRET WORDS" } }] });
    await (await open("quiet", "stateless", "uwe")).call("quiet_whoami");
    vi.restoreAllMocks();
    expect(lines.join("\n")).toContain("token_not_exchanged");
    const tables = ["person_account", "connection_secret", "audit_part"];
    const rows = await Promise.all(
      tables.map(async (table) => (await env.PLATFORM_DB.prepare(`SELECT * FROM ${table}`).all()).results),
    );
    const { keys } = await env.OAUTH_KV.list();
    const copies = await Promise.all(keys.map(({ name }) => env.OAUTH_KV.get(name)));
    const events = [await allEventsOf("user_una"), await allEventsOf("user_uwe")];
    const all = JSON.stringify([lines, rows, copies, events]);
    const { tokens, asked } = await stats("quiet");
    const assertions = asked.map(({ subject_token }) => subject_token ?? "");
    expect(assertions.length).toBeGreaterThan(0);
    for (const text of [...tokens, ...assertions, SECRET, btoa(`gatehouse:${SECRET}`), "SECRET WORDS"])
      expect(all).not.toContain(text);
  });

  it("goes to the API alone, and the client's secret to the token endpoint alone", async () => {
    const { seen, asked, tokens } = await stats("quiet");
    expect(tokens.length).toBeGreaterThan(0);
    expect(seen.join()).not.toMatch(/Basic|s3cret/);
    for (const token of tokens) expect(JSON.stringify(asked)).not.toContain(token);
  });
});
