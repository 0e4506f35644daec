import { env } from "cloudflare:workers";
import { beforeEach, expect, it } from "vitest";
import { overConnection } from "../../shared/encoding/platform-database.ts";
import { changePerson } from "../../shared/people/change-person.ts";
import { unlinkIdentities } from "../../shared/people/federated.ts";
import { runMarkedJob } from "../../workers/gateway/admin-jobs/run-admin-jobs.ts";
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
    database.prepare("INSERT INTO password_link VALUES (?1, ?1, 'reset', 'x', 1, 9e15)").bind(person.id),
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
              (SELECT count(*) FROM "account" WHERE "userId" = ?1 AND "password" IS NOT NULL) AS passwords`,
    )
    .bind(id)
    .first();
  expect(left).toEqual({ passkeys: 0, apps: 0, enabled: 0, links: 0, factors: 0, keys: 0, passwords: 0 });
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
