import { evictAllDurableObjects } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import fc from "fast-check";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { POLICY_CHAIN } from "../../shared/audit/record.ts";
import { canonicalize, digestText } from "../../shared/encoding/canonical-json.ts";
import { readDocument } from "../../shared/policy/load-version.ts";
import { recordPolicyChanges } from "../../workers/gateway/policy-changes.ts";
import { listServers } from "../../workers/servers.ts";
import { awaitEvents, eventsOf } from "../audit/trail.ts";
import { changePolicy, goBackTo, publish, publishText, readState } from "../support/publish.ts";
import { LANES, openSession, type TestSession } from "../support/session.ts";

const passTime = (seconds: number) => vi.setSystemTime(Date.now() + seconds * 1000);

const TOOL = "crm_list_deals";

let people = 0;
const nextPerson = () => `reader${people++}`;

// Once: another useFakeTimers would reset the clock.
beforeAll(() => void vi.useFakeTimers({ toFake: ["Date"] }));

afterEach(async () => {
  await goBackTo(1).catch(() => {});
  passTime(30);
});

async function lists(session: TestSession, tool = TOOL): Promise<boolean> {
  return (await session.listTools()).some(({ name }: { name: string }) => name === tool);
}

const denySales = () =>
  publish(({ roles }) => {
    roles.sales = { ...(roles.sales as NonNullable<typeof roles.sales>), denied_tools: [TOOL] };
  });

describe.each(LANES)("a published policy, on the %s lane", (lane) => {
  const open = (role: string, as = nextPerson()) => openSession({ server: "crm", lane, as, role });

  it("determines the lists and calls 30 seconds later, and so does a rollback", async () => {
    const session = await open("sales");
    expect((await session.call(TOOL)).error).toBeUndefined();
    await denySales();
    passTime(30);
    expect(await lists(session)).toBe(false);
    expect((await session.call(TOOL)).error).toMatchObject({ code: "forbidden" });
    await goBackTo(1);
    passTime(30);
    expect(await lists(session)).toBe(true);
    expect((await session.call(TOOL)).error).toBeUndefined();
  });

  it("changes nothing for users of other roles", async () => {
    const [sales, viewer] = [await open("sales"), await open("viewer")];
    await denySales();
    passTime(30);
    expect((await sales.call(TOOL)).error).toMatchObject({ code: "forbidden" });
    expect((await viewer.call(TOOL)).isError).toBe(false);
    expect(await lists(viewer)).toBe(true);
  });

  it("applies to a call as soon as the user's object has it, before the isolate does, and is on record", async () => {
    const person = nextPerson();
    const session = await open("sales", person);
    expect((await session.call(TOOL)).error).toBeUndefined();
    await denySales();
    // Clears the object's cache; the isolate's cache is still fresh.
    await evictAllDurableObjects();
    expect((await session.call(TOOL)).error).toMatchObject({ code: "forbidden" });
    expect(await lists(session)).toBe(false);
    const events = await awaitEvents(`user_${person}`, 5);
    const denial = events.find(({ type }) => type === "denial");
    expect(denial).toMatchObject({
      rule: "roles.sales.denied_tools[0]",
      policy: expect.stringMatching(/^\d+:/),
    });
    const { callId } = denial as { callId: string };
    expect(
      events
        .filter((event) => "callId" in event && event.callId === callId)
        .map(({ type }) => type)
        .sort(),
    ).toEqual(["denial", "intent", "outcome"]);
  });

  it("is listed as it is called, before the isolate has it", async () => {
    const session = await open("sales");
    expect(await lists(session)).toBe(true);
    await denySales();
    await evictAllDurableObjects();
    expect(await lists(session)).toBe(false);
  });

  it("masks at once what a role may not see any more, and its limits count from the next call", async () => {
    const session = await open("sales");
    const find = () => session.call("crm_find_contacts", { query: "a" });
    const clear = JSON.stringify((await find()).content);
    await publish(({ roles }) => {
      const sales = roles.sales as NonNullable<typeof roles.sales>;
      roles.sales = { ...sales, mask: { ...sales.mask, pii: "drop" }, limits: { calls_per_client: 1 } };
    });
    await evictAllDurableObjects();
    expect(JSON.stringify((await find()).content)).not.toBe(clear);
    expect((await find()).error).toMatchObject({ code: "rate_limited" });
  });

  it("lists exactly the tools that can be called, for any policy", async () => {
    const names = listServers()
      .filter(({ name }) => name === "crm")
      .flatMap(({ tools }) => tools.map(({ name }) => name));
    const session = await open("sales");
    const globs = fc.subarray([...names, "crm_*", "crm_find_*", "context_*"], { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(globs, globs, async (allowed_tools, denied_tools) => {
        await publish(({ roles }) => {
          roles.sales = { ...(roles.sales as NonNullable<typeof roles.sales>), allowed_tools, denied_tools };
        });
        passTime(30);
        const listed = (await session.listTools()).map(({ name }: { name: string }) => name);
        for (const name of names) {
          const { error } = await session.call(name, { no_such_argument: 1 });
          expect(error?.code, name).toBe(listed.includes(name) ? "invalid_input" : "forbidden");
        }
      }),
      { numRuns: 4 },
    );
  }, 60_000);
});

describe("a published policy", () => {
  const open = () => openSession({ server: "crm", lane: "stateless", as: nextPerson(), role: "sales" });
  const ready = async () =>
    (await exports.default.fetch(new URL("/ready", env.PUBLIC_URL))).json<{ failing?: string[] }>();

  it.each([
    ["is no policy", () => publishText('{"roles":{}}')],
    ["was changed in the database", tamper],
  ])("that %s keeps the previous one in force, and /ready names it", async (_, spoil) => {
    const session = await open();
    await denySales();
    passTime(30);
    expect((await session.call(TOOL)).error).toMatchObject({ code: "forbidden" });
    expect((await ready()).failing ?? []).not.toContain("policy");
    await spoil();
    passTime(30);
    expect((await session.call(TOOL)).error).toMatchObject({ code: "forbidden" });
    expect((await session.call("context_get")).isError).toBe(false);
    expect((await ready()).failing).toContain("policy");
  });

  it("stays in force while the database fails, and calls that it allows go on", async () => {
    const session = await open();
    await denySales();
    passTime(30);
    expect(await lists(session)).toBe(false);
    await env.PLATFORM_DB.prepare("ALTER TABLE policy_publication RENAME TO away").run();
    try {
      passTime(60);
      expect(await lists(session)).toBe(false);
      expect((await session.call("context_get")).isError).toBe(false);
    } finally {
      await env.PLATFORM_DB.prepare("ALTER TABLE away RENAME TO policy_publication").run();
    }
  });

  it("is read from the database when KV fails or has a wrong copy", async () => {
    const text = canonicalize(changePolicy(() => {}));
    const wanted = { version: await publishText(text), digest: digestText(text) };
    const away = () => Promise.reject(new Error("KV is away"));
    const down = {
      PLATFORM_DB: env.PLATFORM_DB,
      OAUTH_KV: { get: away, put: away } as unknown as KVNamespace,
    };
    expect(await readDocument(down, wanted)).toBe(text);
    const key = `policy:${wanted.version}:${wanted.digest}`;
    await env.OAUTH_KV.put(key, text.replace("deny", "allow").concat(" "));
    expect(await readDocument(env, wanted)).toBe(text);
    expect(await env.OAUTH_KV.get(key)).toBe(text);
  });

  it("is accepted by the database once when two are published at the same time, and nothing of the other is stored", async () => {
    const seen = readState();
    const [one, other] = [2, 3].map((limit) =>
      canonicalize(
        changePolicy((document) => {
          document.limits.calls_per_user = limit;
        }),
      ),
    ) as [string, string];
    await publishText(one, seen);
    await expect(publishText(other, seen)).rejects.toThrow();
    const { results } = await env.PLATFORM_DB.prepare("SELECT 1 FROM policy_version WHERE digest = ?")
      .bind(digestText(other))
      .all();
    expect(results).toEqual([]);
    expect((await readState()).publication).toBe((await seen).publication + 1);
  });

  it("cannot be changed or removed in the database, nor can a publication", async () => {
    await denySales();
    for (const sql of [
      "UPDATE policy_version SET document = '{}'",
      "DELETE FROM policy_version",
      "UPDATE policy_publication SET version = 1",
      "DELETE FROM policy_publication",
    ]) {
      await expect(env.PLATFORM_DB.prepare(sql).run(), sql).rejects.toThrow();
    }
  });

  it("is recorded once, for any number of parallel writers", async () => {
    const version = await denySales();
    const { publication } = await readState();
    await Promise.all(Array.from({ length: 5 }, () => recordPolicyChanges(env)));
    await recordPolicyChanges(env);
    const changes = (await eventsOf(POLICY_CHAIN)).filter(
      (event) => event.type === "policy_change" && event.publication === publication,
    );
    expect(changes).toEqual([
      expect.objectContaining({ from: 1, to: version, by: "tests", note: "it's; a note" }),
    ]);
  });

  it("is recorded by the first request that observes it", async () => {
    const session = await open();
    await denySales();
    const { publication } = await readState();
    passTime(30);
    await session.listTools();
    await expect
      .poll(async () =>
        (await eventsOf(POLICY_CHAIN)).some(
          (event) => event.type === "policy_change" && event.publication === publication,
        ),
      )
      .toBe(true);
  });
});

/** Publishes a policy and edits it directly in the database. */
async function tamper(): Promise<void> {
  const version = await publish(() => {});
  const trigger = await env.PLATFORM_DB.prepare(
    "SELECT sql FROM sqlite_schema WHERE name = 'policy_version_unchanged'",
  ).first<{ sql: string }>();
  await env.PLATFORM_DB.prepare("DROP TRIGGER policy_version_unchanged").run();
  await env.PLATFORM_DB.prepare("UPDATE policy_version SET document = document || ' ' WHERE number = ?")
    .bind(version)
    .run();
  await env.PLATFORM_DB.prepare(trigger?.sql ?? "").run();
}
