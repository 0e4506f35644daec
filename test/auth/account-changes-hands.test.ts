import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { overConnection } from "../../shared/encoding/platform-database.ts";
import { stubOf } from "../../shared/objects/open-object.ts";
import { taskGate } from "../../shared/objects/task.ts";
import { changePerson } from "../../shared/people/change-person.ts";
import { unlinkIdentities } from "../../shared/people/federated.ts";
import { keptBy } from "../../workers/gateway/admin-jobs/erase-person.ts";
import { runAdminJobs, runMarkedJob } from "../../workers/gateway/admin-jobs/run-admin-jobs.ts";
import { StandingStore } from "../../workers/objects/principal/standing-store.ts";
import { keyOn, sendForm } from "../keys/make-key.ts";
import { connect, createPerson, signIn, TestBrowser, type TestPerson } from "../support/oauth.ts";
import { setSecondFactor } from "../support/policy.ts";
import { enrol } from "../support/second-factor.ts";
import { openSession } from "../support/session.ts";
import { CORP, setPerson, setSignIn, signInWith } from "../support/single-sign-on.ts";

const database = env.PLATFORM_DB;
const CALL = { name: "crm_list_tasks", arguments: {} };
const BY = "npm run people (tester)";

beforeEach(() => {
  setSignIn({});
  setSecondFactor("sales", {});
});

afterEach(() => vi.useRealTimers());

/** A person with an app, a key, an open session of each, and every other way in. */
async function settle(person: Pick<TestPerson, "id" | "email">, browser: TestBrowser) {
  const app = await connect(person, { resource: "/mcp/crm", tick: ["crm:read"] }, browser);
  const key = keyOn(
    await (await sendForm(browser, { resources: ["/mcp/crm"], scopes: ["crm:read"] })).text(),
  );
  expect(key).not.toBe("");
  await enrol(browser);
  await database.batch([
    database.prepare("INSERT INTO passkey VALUES (?1, ?1, 'phone', 'x', 0, '[]', 1, NULL)").bind(person.id),
    database
      .prepare(
        "INSERT INTO password_link (digest, user_id, kind, by, created_at, ends_at) VALUES (?1, ?1, 'reset', 'x', 1, 9e15)",
      )
      .bind(person.id),
    database
      .prepare(
        "INSERT INTO connection_write VALUES (?1, 'shop', 'key-of-holder', 't', 'd', 's', 'c', 'x', 1, ?2)",
      )
      .bind(person.id, Date.now()),
    database.prepare("INSERT INTO fresh_factor VALUES (?1, 'x', ?2)").bind(person.id, Date.now()),
  ]);
  const tokens = [app, { accessToken: key, clientId: "key" }];
  return await Promise.all(tokens.map((token) => openSession({ server: "crm", lane: "stateless", token })));
}

async function expectNothingLeft(id: string, sessions: Awaited<ReturnType<typeof settle>>) {
  for (const session of sessions) expect((await session.request("tools/call", CALL)).status).toBe(401);
  const left = await database
    .prepare(
      `SELECT (SELECT count(*) FROM passkey WHERE user_id = ?1) AS passkeys,
              (SELECT count(*) FROM "twoFactor" WHERE "userId" = ?1) AS apps,
              (SELECT "twoFactorEnabled" FROM "user" WHERE "id" = ?1) AS enabled,
              (SELECT count(*) FROM password_link WHERE user_id = ?1) AS links,
              (SELECT count(*) FROM fresh_factor WHERE user_id = ?1) AS factors,
              (SELECT count(*) FROM access_key WHERE owner = ?1) AS keys,
              (SELECT count(*) FROM connection_write WHERE user_id = ?1) AS writes,
              (SELECT count(*) FROM "account" WHERE "userId" = ?1 AND "password" IS NOT NULL) AS passwords`,
    )
    .bind(id)
    .first();
  expect(left).toEqual({
    passkeys: 0,
    apps: 0,
    enabled: 0,
    links: 0,
    factors: 0,
    keys: 0,
    writes: 0,
    passwords: 0,
  });
}

it("a recycled address leaves its former holder no way in, and its next holder keeps theirs", async () => {
  const { id } = await createPerson("sales");
  const email = "recycled@corp.example";
  await database.prepare(`UPDATE "user" SET "email" = ? WHERE "id" = ?`).bind(email, id).run();
  const first = await settle({ id, email }, await signIn({ email }));
  for (const session of first) expect((await session.request("tools/call", CALL)).status).toBe(200);

  setSignIn({ providers: { corp: { ...CORP, mfa: { amr: ["otp"] } } } });
  await setPerson("heir", { email, groups: ["gatehouse-sales"] });
  const browser = new TestBrowser();
  expect((await signInWith(browser, { login: "heir", code: true })).status).toBe(303);
  await expectNothingLeft(id, first);

  const second = await settle({ id, email }, browser);
  for (const session of second) expect((await session.request("tools/call", CALL)).status).toBe(200);
  const mark = await changePerson(overConnection(database), email, unlinkIdentities(email, BY), BY);
  expect(await runMarkedJob(env, mark)).toBe("in force");
  await expectNothingLeft(id, second);
  await setPerson("third", { email, groups: ["gatehouse-sales"] });
  expect((await signInWith(new TestBrowser(), { login: "third", code: true })).status).toBe(303);
  const ended = await database
    .prepare(
      "SELECT by FROM admin_request WHERE kind = 'key_change' AND user_id = ? AND done_at > 0 ORDER BY id",
    )
    .bind(id)
    .all<{ by: string }>();
  expect(ended.results.map(({ by }) => by)).toEqual(["single sign-on (corp)", BY]);
});

/** What a holder leaves in the account's objects: a context, a kept result, a task and a standing approval. */
async function leaveBehind(id: string, session: Awaited<ReturnType<typeof settle>>[number]) {
  await session.call("context_set", { note: "the former holder's plan" });
  await runInDurableObject(stubOf(env, env.PRINCIPAL, id), (_object, { storage }) => {
    const standing = {
      id: "standing-1",
      requester: id,
      clientId: "app",
      grantId: "grant",
      server: "crm",
      by: "boss",
    };
    const rule = {
      tool: "crm_move_deal",
      rule: "r",
      policyDigest: "d",
      roleRevision: 0,
      calls: 9,
      bounds: {},
      used: 0,
    };
    const times = { until: Date.now() + 86_400_000, madeAt: Date.now(), revokedAt: null };
    new StandingStore(storage.sql).write({ ...standing, ...rule, ...times });
  });
}

const standingOf = (id: string) =>
  runInDurableObject(stubOf(env, env.PRINCIPAL, id), (_object, { storage }) =>
    new StandingStore(storage.sql).read("standing-1"),
  );

it("the next holder of an account finds nothing that the former one kept, asked for or was allowed", async () => {
  const { id } = await createPerson("sales");
  const email = "handed-over@corp.example";
  await database.prepare(`UPDATE "user" SET "email" = ? WHERE "id" = ?`).bind(email, id).run();
  const [app] = await settle({ id, email }, await signIn({ email }));
  if (app === undefined) throw new Error("no app");
  await leaveBehind(id, app);
  expect((await keptBy(env, id).readKept()).contexts).toHaveLength(1);
  const mark = await changePerson(overConnection(database), email, unlinkIdentities(email, BY), BY);
  expect(await runMarkedJob(env, mark)).toBe("in force");
  expect(await keptBy(env, id).readKept()).toEqual({ contexts: [], results: [], met: [], programs: [] });
  expect(await taskGate(env, id).listKept()).toEqual([]);
  expect((await standingOf(id))?.revokedAt).toBeTypeOf("number");
});

it("no call counts under an account from the change of hands until its job, also when the Worker is killed between", async () => {
  const { id } = await createPerson("sales");
  const email = "killed-between@corp.example";
  await database.prepare(`UPDATE "user" SET "email" = ? WHERE "id" = ?`).bind(email, id).run();
  const first = await settle({ id, email }, await signIn({ email }));
  for (const session of first) expect((await session.request("tools/call", CALL)).status).toBe(200);
  await changePerson(overConnection(database), email, unlinkIdentities(email, BY), BY);
  // The isolate ends here. What an object knows of a person is 30 seconds old at most.
  vi.setSystemTime(Date.now() + 31_000);
  for (const session of first) expect((await session.request("tools/call", CALL)).status).toBe(401);
  await runAdminJobs(env);
  await expectNothingLeft(id, first);
  setSignIn({ providers: { corp: { ...CORP, mfa: { amr: ["otp"] } } } });
  await setPerson("heir-of-killed", { email, groups: ["gatehouse-sales"] });
  const browser = new TestBrowser();
  expect((await signInWith(browser, { login: "heir-of-killed", code: true })).status).toBe(303);
  for (const session of await settle({ id, email }, browser)) {
    expect((await session.request("tools/call", CALL)).status).toBe(200);
  }
});
