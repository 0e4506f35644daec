import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it } from "vitest";
import { ADMINISTRATION } from "../../shared/audit/record.ts";
import { giveRole } from "../../shared/people/change-person.ts";
import { bundledPolicy } from "../../shared/policy/bundled.ts";
import { listRoles } from "../../shared/policy/current.ts";
import { runAdminJobs } from "../../workers/gateway/admin-jobs/run-admin-jobs.ts";
import { allEventsOf } from "../audit/trail.ts";
import { callMcp, connect, createPerson, signIn, type TestPerson } from "../support/oauth.ts";
import { setConsole } from "../support/policy.ts";
import { openAs, textOf } from "./waiting-call.ts";

const given = new Map(
  listRoles(bundledPolicy()).map((role) => [role, [...(bundledPolicy().roles.get(role)?.console ?? [])]]),
);

afterEach(() => {
  for (const [role, rights] of given) setConsole(role, rights);
});

const pathOf = ({ id }: TestPerson) => `/console/people/${id}`;

/** The form with which one person changes another. */
const form = (by: TestPerson, fields: Record<string, string>) => ({ subject: by.id, ...fields });

const stateOf = (person: TestPerson) =>
  env.PLATFORM_DB.prepare(`SELECT "role", "disabled" FROM "user" WHERE "id" = ?`).bind(person.id).first();

const changesOf = async (person: TestPerson) =>
  (await allEventsOf(ADMINISTRATION)).filter((event) => "userId" in event && event.userId === person.id);

describe("people in the console", { timeout: 20_000 }, () => {
  it("get another role, which is in force and on record with who gave it", async () => {
    const { person: admin, browser } = await openAs("admin");
    const [one, two] = [await createPerson("viewer"), await createPerson("viewer")];
    await runAdminJobs(env);
    const answer = await browser.post(pathOf(one), form(admin, { change: "role", role: "sales" }));
    expect(answer.headers.get("Location")).toBe(`${pathOf(one)}?done=role`);
    expect(await textOf(browser.get(`${pathOf(one)}?done=role`))).toContain(
      "The role is changed and in force",
    );
    expect(await stateOf(one)).toEqual({ role: "sales", disabled: 0 });
    expect(await stateOf(two)).toEqual({ role: "viewer", disabled: 0 });
    expect((await changesOf(one)).at(-1)).toEqual({
      type: "person_change",
      userId: one.id,
      change: "role",
      oldRole: "viewer",
      newRole: "sales",
      by: `/console/people (${admin.id})`,
    });
    expect(JSON.stringify(await changesOf(one))).not.toContain(one.email);
  });

  it("are changed as the command changes them", async () => {
    const { person: admin, browser } = await openAs("admin");
    const [one, two] = [await createPerson("viewer"), await createPerson("viewer")];
    await runAdminJobs(env);
    await browser.post(pathOf(one), form(admin, { change: "role", role: "editor" }));
    // As npm run people: it writes the same statements from outside, and the Worker finds the request.
    const command = {
      change: async (sql: string) => {
        const statements = sql.split(";\n").map((text) => env.PLATFORM_DB.prepare(text.replace(/;$/, "")));
        await env.PLATFORM_DB.batch(statements);
      },
    };
    await giveRole(command, two.email, "editor", "npm run people (tester)");
    await runAdminJobs(env);
    const [byPage, byCommand] = [(await changesOf(one)).at(-1), (await changesOf(two)).at(-1)];
    expect({ ...byPage, userId: "", by: "" }).toEqual({ ...byCommand, userId: "", by: "" });
    expect(byCommand).toMatchObject({ by: "npm run people (tester)" });
  });

  it("are said to be unchanged when the change did not come about", async () => {
    const { person: admin, browser } = await openAs("admin");
    const one = await createPerson("viewer");
    await runAdminJobs(env);
    await env.PLATFORM_DB.prepare(
      `CREATE TRIGGER refuse_role BEFORE UPDATE OF "role" ON "user" WHEN OLD."id" = '${one.id}'
       BEGIN SELECT RAISE(IGNORE); END`,
    ).run();
    const answer = await browser.post(pathOf(one), form(admin, { change: "role", role: "sales" }));
    await env.PLATFORM_DB.prepare("DROP TRIGGER refuse_role").run();
    expect(answer.status).toBe(409);
    expect(await answer.text()).toContain("Nothing was changed. Look again.");
  });

  it("are told by what they sign in with", async () => {
    const { browser } = await openAs("admin");
    const person = await createPerson("viewer");
    expect(await textOf(browser.get(pathOf(person)))).toContain("Signs in with a password alone.");
    await env.PLATFORM_DB.batch([
      env.PLATFORM_DB.prepare("INSERT INTO passkey VALUES (?1, ?1, 'p', 'x', 0, '[]', 1, NULL)").bind(
        person.id,
      ),
      env.PLATFORM_DB.prepare(
        "INSERT INTO federated_identity VALUES ('https://i.example', ?1, ?1, 1, 1)",
      ).bind(person.id),
    ]);
    expect(await textOf(browser.get(pathOf(person)))).toContain(
      "Signs in with a password, a passkey or single sign-on.",
    );
  });

  it("are kept out at once, with their sessions and apps, and let in again", async () => {
    const { person: admin, browser } = await openAs("admin");
    const person = await createPerson("sales");
    await runAdminJobs(env);
    const connection = await connect(person, { resource: "/mcp/crm" });
    expect((await callMcp("/mcp/crm", connection.accessToken)).status).toBe(200);
    await browser.post(pathOf(person), form(admin, { change: "disable" }));
    expect((await callMcp("/mcp/crm", connection.accessToken)).status).toBe(401);
    expect((await connection.browser.get("/account")).status).toBe(303);
    expect(await textOf(browser.get(pathOf(person)))).toContain("Let in again");
    await browser.post(pathOf(person), form(admin, { change: "enable" }));
    await signIn(person);
    expect((await changesOf(person)).map((event) => "change" in event && event.change)).toEqual([
      "added",
      "disabled",
      "enabled",
    ]);
  });

  it("lose their own rights at the next request when another administrator takes them away", async () => {
    const [one, two] = [await openAs("admin"), await openAs("admin")];
    expect((await two.browser.get("/console/people")).status).toBe(200);
    await one.browser.post(pathOf(two.person), form(one.person, { change: "role", role: "viewer" }));
    expect((await two.browser.get("/console/people")).status).toBe(403);
    const back = await two.browser.post(
      pathOf(two.person),
      form(two.person, { change: "role", role: "admin" }),
    );
    expect(back.status).toBe(403);
    expect(await stateOf(two.person)).toMatchObject({ role: "viewer" });
  });

  it.each([
    ["one's own role", 403, (by: TestPerson) => [by, form(by, { change: "role", role: "viewer" })]],
    ["one's own access", 403, (by: TestPerson) => [by, form(by, { change: "disable" })]],
    [
      "a role that is not in the policy",
      422,
      (by, person) => [person, form(by, { change: "role", role: "root" })],
    ],
    ["something else", 422, (by, person) => [person, form(by, { change: "erase" })]],
    ["in the name of another person", 409, (_by, person) => [person, form(person, { change: "disable" })]],
  ] as [string, number, (by: TestPerson, person: TestPerson) => [TestPerson, Record<string, string>]][])(
    "do not change by a form about %s",
    async (_what, status, fill) => {
      const { person: admin, browser } = await openAs("admin");
      const person = await createPerson("viewer");
      const [target, fields] = fill(admin, person);
      expect((await browser.post(pathOf(target), fields)).status).toBe(status);
      expect(await stateOf(person)).toEqual({ role: "viewer", disabled: 0 });
      expect(await stateOf(admin)).toEqual({ role: "admin", disabled: 0 });
    },
  );

  it("do not change by a form of another site", async () => {
    const { person: admin, browser } = await openAs("admin");
    const person = await createPerson("viewer");
    browser.headers = { Origin: "https://evil.example", "Sec-Fetch-Site": "cross-site" };
    const answer = await browser.post(pathOf(person), form(admin, { change: "disable" }));
    expect(answer.status).toBe(403);
    expect(await stateOf(person)).toMatchObject({ disabled: 0 });
  });

  it("who are unknown get a page that says so", async () => {
    const { person: admin, browser } = await openAs("admin");
    expect((await browser.get("/console/people/nobody';--")).status).toBe(404);
    expect((await browser.post("/console/people/nobody", form(admin, { change: "disable" }))).status).toBe(
      404,
    );
  });

  it("are listed page by page, each once, and found by a part of their address", async () => {
    const { browser } = await openAs("admin");
    const insert = env.PLATFORM_DB.prepare(
      `INSERT INTO "user" ("id", "name", "email", "createdAt", "updatedAt", "role") VALUES (?1, ?1, ?1 || '@many.example', '', '', 'viewer')`,
    );
    const ids = Array.from({ length: 60 }, (_, index) => `many-${100 + index}`);
    await env.PLATFORM_DB.batch(ids.map((id) => insert.bind(id)));
    const seen: string[] = [];
    for (let path: string | undefined = "/console/people?search=%40MANY.example"; path !== undefined; ) {
      const html: string = await textOf(browser.get(path));
      seen.push(...[...html.matchAll(/href="\/console\/people\/(many-[^"?]+)"/g)].map(([, id = ""]) => id));
      path = /href="(\/console\/people\?search=[^"]+)"/.exec(html)?.[1]?.replaceAll("&amp;", "&");
    }
    expect(seen).toEqual(ids);
  });

  it("cannot put markup on the page by their name, nor can a search", async () => {
    const { browser } = await openAs("admin");
    const person = await createPerson("viewer", `<img src=x onerror="alert(1)">`);
    const search = `"><script>alert(2)</script>`;
    const pages = [
      `/console/people?search=${encodeURIComponent(person.email)}`,
      pathOf(person),
      `/console/people?search=${encodeURIComponent(search)}`,
    ];
    for (const page of pages) {
      const html = await textOf(browser.get(page));
      expect(html).not.toContain("<img");
      expect(html).not.toContain("<script");
    }
  });
});
