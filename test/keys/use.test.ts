import { evictAllDurableObjects } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createSecret } from "../../shared/auth/access-key.ts";
import { splitStatements } from "../../shared/encoding/split-statements.ts";
import { principalGate } from "../../shared/objects/principal-gate.ts";
import { announceKeyChange, removeKey, rotateKey } from "../../shared/people/keys.ts";
import { nameWhoChanged, setDisabled, setRole } from "../../shared/people/statements.ts";
import { FIND_KEY } from "../../workers/gateway/keys/validate-key.ts";
import { awaitEvents, deliverAll, linksOf } from "../audit/trail.ts";
import { callMcp, createPerson, requestToken } from "../support/oauth.ts";
import { setSecondFactor } from "../support/policy.ts";
import { LANES, openSession, type TestSession } from "../support/session.ts";
import { keyOn, type MadeKey, makeKeyOf, revoke, rotate } from "./make-key.ts";

afterEach(() => vi.useRealTimers());

const open = (key: MadeKey, lane: (typeof LANES)[number], server = "crm") =>
  openSession({ server, lane, token: { accessToken: key.text, clientId: key.id } });

/** Runs a command's statements, and notifies the Worker as the command does. */
async function changeAndTell(mark: string, ...sql: string[]): Promise<void> {
  await env.PLATFORM_DB.batch(splitStatements(sql.join("\n")).map((text) => env.PLATFORM_DB.prepare(text)));
  const body = JSON.stringify({ mark });
  const headers = { "content-type": "application/json", "content-length": String(body.length) };
  const url = new URL("/people/changes", env.PUBLIC_URL);
  const response = await exports.default.fetch(new Request(url, { method: "POST", headers, body }));
  expect(response.status).toBe(200);
}

/** The HTTP status of a call, a read and a list. */
async function statusesOf(session: TestSession): Promise<number[]> {
  const answers = [
    await session.request("tools/call", { name: "crm_list_tasks", arguments: {} }),
    await session.request("resources/read", { uri: "crm://pipeline" }),
    await session.request("tools/list"),
  ];
  return answers.map(({ status }) => status);
}

describe.each(LANES)("an API key on the %s lane", (lane) => {
  it("calls with its owner's rights, and the trail names the key as the client", async () => {
    const person = await createPerson("sales");
    const key = await makeKeyOf(person);
    const session = await open(key, lane);
    expect((await session.call("crm_list_tasks")).isError).toBe(false);
    const intents = (await awaitEvents(person.id, 4)).filter(({ type }) => type === "intent");
    expect(intents).toMatchObject([{ clientId: key.id, name: "crm_list_tasks", lane }]);
    await deliverAll(person.id);
    const day = new Date().toISOString().slice(0, 10);
    expect(await (await key.browser.get("/account/keys")).text()).toContain(
      `last used <time dateTime="${day}`,
    );
    expect(JSON.stringify(await linksOf(person.id))).not.toContain(key.text.slice(14));
  });

  it("lists and calls only the tools that its globs name", async () => {
    const key = await makeKeyOf(await createPerson("sales"), { tools: "crm_list_*" });
    const session = await open(key, lane);
    const names: string[] = (await session.listTools()).map(({ name }: { name: string }) => name);
    expect(names).toContain("crm_list_tasks");
    expect(names.filter((name) => name.startsWith("crm_") && !name.startsWith("crm_list_"))).toEqual([]);
    expect(await session.listResources()).toEqual([]);
    expect((await session.call("crm_list_tasks")).isError).toBe(false);
    const refused = await session.request("tools/call", { name: "crm_search", arguments: { query: "a" } });
    expect(JSON.stringify(refused.result ?? refused.error)).toMatch(
      /does not include crm_search|forbidden|Unknown/i,
    );
    expect(JSON.stringify(refused.result ?? {})).not.toContain("structuredContent");
  });

  it("is refused outside of its networks, and the denial is recorded", async () => {
    const person = await createPerson("sales");
    const key = await makeKeyOf(person, { networks: "203.0.113.0/24" });
    const session = await open(key, lane);
    session.headers = { "cf-connecting-ip": "203.0.113.77" };
    expect((await session.call("crm_list_tasks")).isError).toBe(false);
    session.headers = { "cf-connecting-ip": "198.51.100.7" };
    expect((await session.listTools()).map(({ name }: { name: string }) => name)).toEqual([]);
    const { error } = await session.call("crm_list_tasks");
    expect(error).toMatchObject({ code: "forbidden", message: expect.stringContaining("network") });
    const denials = (await awaitEvents(person.id, 5)).filter(({ type }) => type === "denial");
    expect(denials).toMatchObject([{ rule: "key.networks", clientId: key.id }]);
  });

  it("writes no more than its permissions, though the role may", async () => {
    const key = await makeKeyOf(await createPerson("sales"), { scopes: ["crm:read"] });
    const session = await open(key, lane);
    expect((await session.call("crm_list_tasks")).isError).toBe(false);
    const answer = await session.request("tools/call", {
      name: "crm_create_contact",
      arguments: { first_name: "A", last_name: "B" },
    });
    expect(answer.status === 403 || answer.result?.isError === true).toBe(true);
  });

  it("ends at the next call when it is revoked, whatever was evicted; another key of the person goes on", async () => {
    const person = await createPerson("sales");
    const [gone, kept] = [await makeKeyOf(person), await makeKeyOf(person)];
    const [one, two] = [await open(gone, lane), await open(kept, lane)];
    expect([await statusesOf(one), await statusesOf(two)]).toEqual([
      [200, 200, 200],
      [200, 200, 200],
    ]);
    expect((await revoke(gone.browser, gone.id)).headers.get("Location")).toBe("/account/keys?done=revoked");
    expect(await statusesOf(one)).toEqual([401, 401, 401]);
    await evictAllDurableObjects();
    expect(await statusesOf(one)).toEqual([401, 401, 401]);
    expect(await statusesOf(two)).toEqual([200, 200, 200]);
  });

  it("ends at the next call when the command revokes it, which the administration's chain records", async () => {
    const key = await makeKeyOf(await createPerson("sales"));
    const session = await open(key, lane);
    expect(await statusesOf(session)).toEqual([200, 200, 200]);
    const mark = crypto.randomUUID();
    const change = { change: "revoked", keyId: key.id, ended: [] } as const;
    await changeAndTell(mark, announceKeyChange(change, "npm run keys (tester)", mark), removeKey(key.id));
    expect(await statusesOf(session)).toEqual([401, 401, 401]);
    const recorded = JSON.stringify(await linksOf("gatehouse:administration"));
    expect(recorded).toContain(key.id);
  });

  it("ends with its owner's account, and follows the owner's role, at the next call", async () => {
    const [gone, changed] = [await createPerson("admin"), await createPerson("admin")];
    const sessions = [
      await open(await makeKeyOf(gone), lane),
      await open(await makeKeyOf(changed), lane),
    ] as const;
    for (const session of sessions) expect(await statusesOf(session)).toEqual([200, 200, 200]);
    const at = new Date().toISOString();
    for (const [person, sql] of [
      [gone, setDisabled(gone.email, true, at)],
      [changed, setRole(changed.email, "viewer", at)],
    ] as const) {
      const mark = crypto.randomUUID();
      await changeAndTell(mark, sql, nameWhoChanged(person.email, "tester", mark));
    }
    expect(await statusesOf(sessions[0])).toEqual([401, 401, 401]);
    const write = await sessions[1].call("crm_create_contact", { first_name: "A", last_name: "B" });
    expect(write.error?.code).toBe("forbidden");
  });

  it("is refused from the moment it ends, in sessions that are open too", async () => {
    const key = await makeKeyOf(await createPerson("sales"), { days: "1" });
    const session = await open(key, lane);
    expect(await statusesOf(session)).toEqual([200, 200, 200]);
    vi.useFakeTimers({ now: Date.now() + 86_400_000 + 1_000, toFake: ["Date"] });
    expect(await statusesOf(session)).toEqual([401, 401, 401]);
  });

  it("has two secrets while a rotation overlaps, and one session goes on with the new one", async () => {
    const key = await makeKeyOf(await createPerson("sales"));
    const session = await open(key, lane);
    const second = keyOn(await (await rotate(key.browser, key.id, "1")).text());
    expect(second).not.toBe(key.text);
    expect(await statusesOf(session)).toEqual([200, 200, 200]);
    session.token = { accessToken: second, clientId: key.id };
    expect(await statusesOf(session)).toEqual([200, 200, 200]);
    vi.useFakeTimers({ now: Date.now() + 3_600_000 + 1_000, toFake: ["Date"] });
    expect(await statusesOf(session)).toEqual([200, 200, 200]);
    session.token = { accessToken: key.text, clientId: key.id };
    expect(await statusesOf(session)).toEqual([401, 401, 401]);
  });

  it("has one secret at once after a rotation without overlap, on the page and by the command", async () => {
    const key = await makeKeyOf(await createPerson("sales"));
    const session = await open(key, lane);
    expect(await statusesOf(session)).toEqual([200, 200, 200]);
    const second = keyOn(await (await rotate(key.browser, key.id, "0")).text());
    expect(await statusesOf(session)).toEqual([401, 401, 401]);
    session.token = { accessToken: second, clientId: key.id };
    expect(await statusesOf(session)).toEqual([200, 200, 200]);
    const { text, ...secret } = createSecret();
    const { results } = await env.PLATFORM_DB.prepare("SELECT digest FROM access_key_secret WHERE key_id = ?")
      .bind(key.id)
      .all<{ digest: string }>();
    const [mark, change] = [crypto.randomUUID(), { change: "rotated", keyId: key.id } as const];
    const ended = results.map(({ digest }) => digest);
    await changeAndTell(
      mark,
      rotateKey(key.id, { ...secret, mfaAt: null }, 0, Date.now()),
      announceKeyChange({ ...change, ended }, "tester", mark),
    );
    expect(await statusesOf(session)).toEqual([401, 401, 401]);
    session.token = { accessToken: text, clientId: key.id };
    expect(await statusesOf(session)).toEqual([200, 200, 200]);
  });

  it("satisfies a role that requires a second factor only when it was made behind one", async () => {
    const key = await makeKeyOf(await createPerson("sales"));
    const session = await open(key, lane);
    setSecondFactor("sales", { required: true });
    try {
      expect((await session.call("crm_list_tasks")).error?.code).toBe("mfa_required");
      await env.PLATFORM_DB.prepare("UPDATE access_key_secret SET mfa_at = ? WHERE key_id = ?")
        .bind(Date.now(), key.id)
        .run();
      vi.useFakeTimers({ now: Date.now() + 61_000, toFake: ["Date"] });
      expect((await session.call("crm_list_tasks")).isError).toBe(false);
    } finally {
      setSecondFactor("sales", {});
    }
  });
});

describe("an API key", () => {
  it("stands in no log line, neither of its calls, nor of refusals, nor of its pages", async () => {
    const written: string[] = [];
    const methods = ["log", "info", "warn", "error", "debug"] as const;
    const spies = methods.map((method) =>
      vi.spyOn(console, method).mockImplementation((...parts) => void written.push(JSON.stringify(parts))),
    );
    try {
      const key = await makeKeyOf(await createPerson("sales"), { tools: "crm_list_*" });
      for (const lane of LANES) {
        const session = await open(key, lane);
        await session.call("crm_list_tasks", { owner: key.text });
        await session.request("tools/call", { name: "crm_find_contacts", arguments: { query: key.text } });
        await session.request("tools/call", { name: key.text, arguments: {} });
      }
      await callMcp("/mcp", key.text);
      await callMcp(`/mcp/crm?key=${key.text}`, `${key.text}x`);
      const second = keyOn(await (await rotate(key.browser, key.id, "0")).text());
      await callMcp("/mcp/crm", key.text);
      await revoke(key.browser, key.id);
      await callMcp("/mcp/crm", second);
      expect(written.some((line) => line.includes(key.id))).toBe(true);
      for (const line of written) {
        for (const secret of [key.text, second]) expect(line).not.toContain(secret.slice(18, 40));
      }
    } finally {
      for (const spy of spies) spy.mockRestore();
    }
  });

  it("that has ended is refused by its owner's object too, for tasks and streams that began with it", async () => {
    const person = await createPerson("sales");
    const key = await makeKeyOf(person);
    const gate = principalGate(env, person.id);
    const access = { grantId: key.id, tokenId: "0".repeat(64) };
    const endedAt = async (endsAt: number) =>
      (await gate.checkAccess(person.id, { ...access, endsAt }, null)).ended;
    expect([await endedAt(Date.now() + 60_000), await endedAt(Date.now() - 1)]).toEqual([false, true]);
  });

  it("is found by indexes, however many keys there are", async () => {
    const { results } = await env.PLATFORM_DB.prepare(`EXPLAIN QUERY PLAN ${FIND_KEY}`)
      .bind("digest", 1)
      .all();
    expect(JSON.stringify(results)).not.toContain("SCAN");
  });

  it("works at its own addresses only, and says which these are", async () => {
    const key = await makeKeyOf(await createPerson("sales"));
    expect((await callMcp("/mcp/crm", key.text)).status).toBe(200);
    for (const path of ["/mcp", "/mcp/knowledge", "/mcp/analytics"]) {
      const response = await callMcp(path, key.text);
      expect(response.status).toBe(403);
      const body = await response.text();
      expect(body).toContain("/mcp/crm");
      expect(body).not.toContain(key.text.slice(14));
    }
  });

  it("is checked without a written row", async () => {
    const key = await makeKeyOf(await createPerson("sales"));
    const tables = ["access_key", "access_key_secret"];
    const read = async () =>
      JSON.stringify(
        await Promise.all(
          tables.map(async (t) => (await env.PLATFORM_DB.prepare(`SELECT * FROM ${t}`).all()).results),
        ),
      );
    const before = await read();
    expect((await callMcp("/mcp/crm", key.text)).status).toBe(200);
    expect(await read()).toBe(before);
  });

  it("counts in the header only: in an address, a form or at the token endpoint it opens nothing", async () => {
    const { text } = await makeKeyOf(await createPerson("sales"));
    for (const query of [`?access_token=${text}`, `?key=${text}`, `?token=${text}`]) {
      expect((await callMcp(`/mcp/crm${query}`)).status).toBe(401);
    }
    for (const grant of ["refresh_token", "authorization_code", "client_credentials"]) {
      const { status, body } = await requestToken({
        grant_type: grant,
        refresh_token: text,
        code: text,
        client_id: text,
      });
      expect(status).toBeGreaterThanOrEqual(400);
      expect(JSON.stringify(body)).not.toContain(text.slice(14));
    }
  });

  it("that was never made, is mistyped or cut is refused like a wrong token", async () => {
    const { text } = await makeKeyOf(await createPerson("sales"));
    for (const wrong of [
      createSecret().text,
      text.slice(0, -1),
      `${text}0`,
      text.toLowerCase(),
      "gatehouse_key_",
    ]) {
      const response = await callMcp("/mcp/crm", wrong);
      expect(response.status).toBe(401);
      expect(response.headers.get("www-authenticate")).toContain("invalid_token");
    }
  });

  it("does not open the pages, the console or the session of another client of its owner", async () => {
    const person = await createPerson("admin");
    const [one, two] = [await makeKeyOf(person), await makeKeyOf(person)];
    for (const path of ["/account", "/account/keys", "/console", "/approvals"]) {
      const response = await exports.default.fetch(new URL(path, env.PUBLIC_URL), {
        headers: { authorization: `Bearer ${one.text}`, accept: "text/html" },
        redirect: "manual",
      });
      expect(response.status).toBe(303);
    }
    const session = await open(one, "sessionful");
    session.token = { accessToken: two.text, clientId: two.id };
    expect((await session.request("tools/list")).status).toBe(404);
  });
});
