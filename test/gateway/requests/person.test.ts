import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { releaseHold, setHold } from "../../../scripts/audit/holds.ts";
import { askForErasure } from "../../../scripts/people/erase.ts";
import { PERSONAL_ROWS } from "../../../scripts/people/personal-rows.ts";
import { ADMINISTRATION } from "../../../shared/audit/record.ts";
import { verifyExport } from "../../../shared/audit/verify-export.ts";
import type { NewTask } from "../../../shared/objects/task.ts";
import { askFor } from "../../../shared/people/admin-requests.ts";
import {
  addPerson,
  idOfUser,
  nameWhoChanged,
  setDisabled,
  setRole,
} from "../../../shared/people/statements.ts";
import { runAdminJobs } from "../../../workers/gateway/admin-jobs/run-admin-jobs.ts";
import { runMaintenance } from "../../../workers/gateway/maintenance.ts";
import { TaskStore } from "../../../workers/objects/tasks/task-store.ts";
import { callsOf } from "../../audit/calls.ts";
import {
  allEventsOf,
  awaitEvents,
  deliver,
  deliverAll,
  exportTrail,
  linksOf,
  principalOf,
  storedOf,
} from "../../audit/trail.ts";
import { callMcp, connect, createPerson } from "../../support/oauth.ts";
import { runnerOf } from "../../support/tasks.ts";

const AT = "2026-11-01T00:00:00.000Z";
const BY = "npm run people (tester)";

/** Runs a file of statements as `wrangler d1 execute --file` does: all or nothing. */
async function run(...sql: string[]): Promise<void> {
  const statements = sql.join("\n").split(";\n");
  await env.PLATFORM_DB.batch(statements.map((text) => env.PLATFORM_DB.prepare(text.replace(/;$/, ""))));
}

const adminEvents = async (userId: string) =>
  (await allEventsOf(ADMINISTRATION)).filter((event) => "userId" in event && event.userId === userId);

const outcomeOf = async (userId: string, kind: string) =>
  JSON.parse(
    (
      await env.PLATFORM_DB.prepare(
        "SELECT outcome FROM admin_request WHERE user_id = ? AND kind = ? ORDER BY id DESC",
      )
        .bind(userId, kind)
        .first<{ outcome: string }>()
    )?.outcome ?? "null",
  ) as Record<string, unknown>;

describe("changes of users", () => {
  it("are recorded in a chain of their own, with the old and new values and the author", async () => {
    const id = crypto.randomUUID();
    const email = `${id}@people.example`;
    const person = { id, accountId: crypto.randomUUID(), email, name: "Ada", role: "viewer", at: AT };
    await run(addPerson({ ...person, passwordHash: "none" }), nameWhoChanged(email, BY));
    await run(setRole(email, "admin", AT), nameWhoChanged(email, BY));
    await run(setRole(email, "admin", AT), nameWhoChanged(email, BY));
    await run(setDisabled(email, true, AT), nameWhoChanged(email, BY));
    await runAdminJobs(env);
    const change = { type: "person_change", userId: id, by: BY };
    expect(await adminEvents(id)).toEqual([
      { ...change, change: "added", oldRole: null, newRole: "viewer" },
      { ...change, change: "role", oldRole: "viewer", newRole: "admin" },
      { ...change, change: "disabled", oldRole: "admin", newRole: "admin" },
    ]);
    expect(JSON.stringify(await linksOf(ADMINISTRATION))).not.toContain(email);
  });

  it("are recorded when the database is changed by hand, and marked so", async () => {
    const { id } = await createPerson("viewer");
    await env.PLATFORM_DB.prepare(`UPDATE "user" SET role = 'admin' WHERE id = ?`).bind(id).run();
    await runAdminJobs(env);
    expect((await adminEvents(id)).at(-1)).toMatchObject({ newRole: "admin", by: "database" });
  });

  it("are recorded once, also when the run that recorded them died before its confirmation", async () => {
    const { id } = await createPerson("viewer");
    await runAdminJobs(env);
    await env.PLATFORM_DB.prepare("UPDATE admin_request SET done_at = NULL WHERE user_id = ?").bind(id).run();
    await runAdminJobs(env);
    expect(await adminEvents(id)).toHaveLength(1);
  });

  it("wait for the next run when one fails, and do not stop later ones", async () => {
    const { id } = await createPerson("viewer");
    await env.PLATFORM_DB.prepare(
      "INSERT INTO admin_request (kind, user_id, detail, by, at) VALUES ('unheard of', ?, '{}', 'x', 0)",
    )
      .bind(id)
      .run();
    const other = await createPerson("viewer");
    await runAdminJobs(env);
    expect(await adminEvents(other.id)).toHaveLength(1);
    expect(await outcomeOf(id, "unheard of")).toMatchObject({
      failed: expect.stringContaining("unheard of"),
    });
  });
});

/** A task that waits in its object for a removed tool. */
function makeTask(userId: string, clientId: string): NewTask {
  return {
    ...{ id: "f".repeat(32), sealedId: "sealed", server: "crm", tool: "crm_old", limitMs: 60_000 },
    ...{ args: {}, inherited: {}, state: "my private state", abilities: {}, traceId: "0".repeat(32) },
    identity: {
      ...{
        userId,
        clientId,
        email: "",
        name: "",
        grantId: "grant",
        tokenId: "token",
        ip: null,
        country: null,
      },
      ...{ scopes: [], role: "sales", mfaAt: null },
    },
  };
}

/** A user with data everywhere: signed in, with a connected app, a tool call and a session context. */
async function livePerson() {
  const person = await createPerson("sales");
  const { accessToken, browser, clientId } = await connect(person, {
    resource: "/mcp/crm",
    tick: ["crm:read"],
  });
  const runner = runnerOf(person.id);
  // Without its alarm, so that the task does not run.
  await runInDurableObject(runner, (_runner, { storage }) => {
    new TaskStore(storage.sql).add(makeTask(person.id, clientId), Date.now());
  });
  await principalOf(person.id).applyContext(clientId, [{ kind: "note", text: "my private note" }]);
  await awaitEvents(person.id, 2);
  await deliverAll(person.id);
  return { person, accessToken, browser, clientId };
}

const callWith = (accessToken: string) => callMcp("/mcp/crm", accessToken);

const rowsAbout = async (id: string) => ({
  ...(await env.PLATFORM_DB.prepare(
    `SELECT (SELECT count(*) FROM "user" WHERE id = ?1) AS account,
              (SELECT count(*) FROM "session" WHERE "userId" = ?1) AS sessions,
              (SELECT count(*) FROM "account" WHERE "userId" = ?1) AS credentials`,
  )
    .bind(id)
    .first()),
  events: (await storedOf(id)).filter(({ event }) => event !== null && !event.includes('"erasure"')).length,
});

describe("erasing a user", { timeout: 30_000 }, () => {
  it("removes account, connections, memory and events; the chain still verifies, and another user keeps everything", async () => {
    const [gone, stays] = [await livePerson(), await livePerson()];
    expect((await callWith(gone.accessToken)).status).not.toBe(401);
    await run(askForErasure(gone.person.email, BY, "{}"));
    await runAdminJobs(env);
    expect(await rowsAbout(gone.person.id)).toEqual({ account: 0, sessions: 0, credentials: 0, events: 0 });
    expect(await rowsAbout(stays.person.id)).toMatchObject({ account: 1, sessions: 1, credentials: 1 });
    expect((await callWith(gone.accessToken)).status).toBe(401);
    expect((await callWith(stays.accessToken)).status).not.toBe(401);
    expect(await outcomeOf(gone.person.id, "erasure")).toMatchObject({
      erased: true,
      removed: {
        account: 1,
        credentials: 1,
        connected_apps: 1,
        contexts: 1,
        tasks: 1,
        audit_events: 2,
        audit_events_to_go_hourly: 0,
      },
    });
    const kept = await runInDurableObject(principalOf(gone.person.id), (_object, state) =>
      ["contexts", "trail_page"].map((table) =>
        JSON.stringify(state.storage.sql.exec(`SELECT * FROM ${table}`).toArray()),
      ),
    );
    expect(kept.join()).not.toContain("private");
    expect(kept.join()).not.toContain("sign_in");
    await deliverAll(ADMINISTRATION);
    const lines = await exportTrail();
    expect((await verifyExport(lines)).findings).toEqual([]);
    expect(lines.filter((line) => line.includes(gone.person.email))).toEqual([]);
  });

  it("has the countries that a person called from, of their keys as well, which the export shows first", async () => {
    const { person } = await livePerson();
    await run(
      `INSERT INTO access_key (id, owner, name, scopes, resources, tools, networks, days, created_at, by)
       VALUES ('key_abroad', '${person.id}', 'Abroad', '[]', '[]', '[]', '[]', 90, 1, 'test');`,
      `INSERT INTO known_country VALUES ('person', '${person.id}', 'DE', 1, 2), ('app', 'key_abroad', 'BR', 1, 2),
         ('person', 'user_other', 'FR', 1, 2), ('app', 'key_other', 'FR', 1, 2);`,
    );
    const shown = await env.PLATFORM_DB.prepare(PERSONAL_ROWS.countries(idOfUser(person.email))).all();
    expect(shown.results).toEqual([
      { client_id: null, country: "DE", first_at: 1, last_at: 2 },
      { client_id: "key_abroad", country: "BR", first_at: 1, last_at: 2 },
    ]);
    for (const rows of Object.values(PERSONAL_ROWS)) {
      await env.PLATFORM_DB.prepare(rows(idOfUser(person.email))).all();
    }
    await run(askForErasure(person.email, BY, "{}"));
    await runAdminJobs(env);
    expect(await outcomeOf(person.id, "erasure")).toMatchObject({ removed: { countries: 2, api_keys: 1 } });
    // A record of theirs that arrives later teaches no country, of a person or an app.
    await deliver(callsOf(person.id, [{ ms: 1, status: "ok", details: { country: "PE", clientId: "app" } }]));
    const left = await env.PLATFORM_DB.prepare("SELECT member FROM known_country ORDER BY member").all();
    expect(left.results).toEqual([{ member: "key_other" }, { member: "user_other" }]);
  });

  it("records in the chain of administrators who requested it and what was removed, once", async () => {
    const { person } = await livePerson();
    await run(askForErasure(person.email, BY, "{}"));
    await runAdminJobs(env);
    // The erasure itself marks the account's removal, so the next run records it.
    await runAdminJobs(env);
    expect((await adminEvents(person.id)).slice(-3)).toMatchObject([
      { type: "person_change", change: "disabled", by: BY },
      { type: "erasure", by: BY, removed: { account: 1 } },
      { type: "person_change", change: "removed", oldRole: "sales", newRole: null, by: BY },
    ]);
  });

  it("also removes records that arrive later, and never restores removed events", async () => {
    const { person } = await livePerson();
    await run(askForErasure(person.email, BY, "{}"));
    await runAdminJobs(env);
    await principalOf(person.id).record(person.id, {
      type: "sign_in",
      succeeded: false,
      ip: "203.0.113.9",
      country: null,
    });
    const late = await linksOf(person.id);
    await deliver(late);
    await runMaintenance(env);
    await deliver(late);
    expect(await rowsAbout(person.id)).toMatchObject({ events: 0 });
    expect((await verifyExport(await exportTrail())).findings).toEqual([]);
  });

  it("is refused under hold, at the request and at its execution, and happens after the release", async () => {
    const { person } = await livePerson();
    await run(setHold(person.id, "Case 12", BY));
    await run(askForErasure(person.email, BY, "{}"));
    await runAdminJobs(env);
    expect(await rowsAbout(person.id)).toMatchObject({ account: 1, credentials: 1, events: 2 });
    expect(await outcomeOf(person.id, "erasure")).toBeNull();
    await run(releaseHold(person.email, "Closed", BY));
    await run(askForErasure(person.email, BY, "{}"));
    await run(setHold(person.email, "Case 13", BY));
    await runAdminJobs(env);
    expect(await outcomeOf(person.id, "erasure")).toMatchObject({
      erased: false,
      why: expect.stringContaining("legal hold"),
    });
    expect(await rowsAbout(person.id)).toMatchObject({ account: 1, events: 2 });
    await run(releaseHold(person.email, "Closed again", BY));
    await run(askForErasure(person.email, BY, "{}"));
    await runAdminJobs(env);
    expect(await rowsAbout(person.id)).toMatchObject({ account: 0, events: 0 });
    const holds = (await adminEvents(person.id)).filter(({ type }) => type === "hold");
    expect(holds).toMatchObject([
      { held: true, reason: "Case 12", by: BY },
      { held: false },
      { held: true, reason: "Case 13" },
      { held: false, reason: "Closed again" },
    ]);
  });
});

describe("exporting a user's data", { timeout: 30_000 }, () => {
  it("collects the data in the objects, of no other user, without a token, and records the export", async () => {
    const [asked, other] = [await livePerson(), await livePerson()];
    await run(askFor("data_export", asked.person.email, BY, "{}"));
    await runAdminJobs(env);
    const answer = await outcomeOf(asked.person.id, "data_export");
    expect(answer).toMatchObject({
      connected_apps: [{ grant: expect.any(String) }],
      contexts: [{ clientId: asked.clientId }],
      tasks: [{ tool: "crm_old" }],
      kept_results: [],
    });
    const text = JSON.stringify(answer);
    expect(text).toContain("my private note");
    for (const foreign of [asked.accessToken, other.clientId, other.person.id])
      expect(text).not.toContain(foreign);
    expect((await adminEvents(asked.person.id)).at(-1)).toEqual({
      type: "data_export",
      userId: asked.person.id,
      by: BY,
    });
  });
});
