import { env, exports } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ADMINISTRATION } from "../../shared/audit/record.ts";
import { ImportStore } from "../../workers/crm/imports/imports.ts";
import { removeEndedWork } from "../../workers/gateway/console/sessions/open-work.ts";
import { allEventsOf } from "../audit/trail.ts";
import { atSlice, beginImport, open } from "../crm/long-work.ts";
import { createPerson } from "../support/oauth.ts";
import { openSession, REVISION } from "../support/session.ts";
import { reachTask } from "../support/tasks.ts";
import { until } from "../support/until.ts";
import { openAs, textOf } from "./waiting-call.ts";

const DAY_MS = 24 * 60 * 60_000;

const rowsOf = async (table: "open_session" | "open_task", person: string) =>
  (
    await env.PLATFORM_DB.prepare(`SELECT * FROM ${table} WHERE person = ? ORDER BY begun_at, id`)
      .bind(person)
      .all<Record<string, unknown>>()
  ).results;

/** Rows of sessions that nothing else opened. */
const addSessions = (many: number, person: string) =>
  env.PLATFORM_DB.prepare(
    `INSERT INTO open_session (id, binding, object, server, person, client_id, begun_at, used_at)
     WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
     SELECT printf('%s-%06d', ?2, i), 'CRM_AGENT', 'streamable-http:' || i, 'crm', ?2, 'app', ?3 - i, ?3 - i FROM n`,
  )
    .bind(many, person, Date.now())
    .run();

afterEach(() => vi.restoreAllMocks());

beforeEach(async () => {
  await env.PLATFORM_DB.batch(
    ["open_session", "open_task"].map((table) => env.PLATFORM_DB.prepare(`DELETE FROM ${table}`)),
  );
});

describe("sessions in the console", { timeout: 30_000 }, () => {
  it.each(["crm", ""])(
    "are listed from their beginning and ended at their object, at the URL «%s»",
    async (server) => {
      const { browser, person } = await openAs("admin");
      const [session, other] = await Promise.all(
        ["ada", "bob"].map((as) => openSession({ server, lane: "sessionful", as })),
      );
      await until(async () => {
        expect(await rowsOf("open_session", "user_ada")).toHaveLength(1);
        expect(await rowsOf("open_session", "user_bob")).toHaveLength(1);
      });
      const [row] = await rowsOf("open_session", "user_ada");
      expect(row).toMatchObject({ server, client_id: session?.token.clientId });
      expect(await textOf(browser.get("/console/sessions"))).toContain(`value="${row?.id}"`);
      const answer = await browser.post("/console/sessions", { subject: person.id, id: String(row?.id) });
      expect(answer.headers.get("Location")).toBe("/console/sessions?ended=1");
      // The protocol's answer for a session that is gone: the client begins another one.
      expect((await session?.request("tools/list"))?.status).toBe(404);
      expect((await other?.request("tools/list"))?.status).toBe(200);
      expect(await rowsOf("open_session", "user_ada")).toEqual([]);
      expect((await allEventsOf(ADMINISTRATION)).at(-1)).toEqual({
        type: "work_ended",
        userId: "user_ada",
        kind: "session",
        id: row?.id,
        by: `/console/sessions (${person.id})`,
      });
    },
  );

  it("leave the list when their client ends them", async () => {
    const session = await openSession({ server: "crm", lane: "sessionful", as: "cleo" });
    await until(async () => expect(await rowsOf("open_session", "user_cleo")).toHaveLength(1));
    await exports.default.fetch(session.url, {
      method: "DELETE",
      headers: {
        host: new URL(session.url).host,
        authorization: `Bearer ${session.token.accessToken}`,
        "mcp-session-id": session.sessionId ?? "",
        "mcp-protocol-version": REVISION.sessionful,
      },
    });
    await until(async () => expect(await rowsOf("open_session", "user_cleo")).toEqual([]));
  });

  it("are paged and narrowed, with 3,000 of them as with 3, and one that is gone is no failure", async () => {
    const { browser, person } = await openAs("admin");
    const owner = await createPerson("sales", "Sam <b>Seller</b>");
    await addSessions(3_000, "crowd");
    await addSessions(3, owner.id);
    const seen = new Set<string>();
    let path: string | undefined = "/console/sessions";
    for (let pages = 0; path !== undefined && pages < 40; pages += 1) {
      const html: string = await textOf(browser.get(path));
      expect(html).toContain("3,003 open sessions");
      for (const [, id = ""] of html.matchAll(/name="id" value="([^"]+)"/g)) {
        expect(seen.has(id)).toBe(false);
        seen.add(id);
      }
      path = /<a href="([^"]*)">More</.exec(html)?.[1]?.replaceAll("&amp;", "&");
    }
    expect(seen.size).toBe(3_003);
    const html = await textOf(browser.get(`/console/sessions?person=${encodeURIComponent(owner.email)}`));
    expect(html).toContain("3 open sessions");
    expect(html).toContain("Sam &lt;b&gt;Seller&lt;/b&gt;");
    const answer = await browser.post("/console/sessions", { subject: person.id, id: `${owner.id}-000001` });
    expect(answer.headers.get("Location")).toBe("/console/sessions?ended=0");
    expect(await rowsOf("open_session", owner.id)).toHaveLength(2);
    const removed = await removeEndedWork(env.PLATFORM_DB, Date.now() + 2 * DAY_MS, 5_000);
    expect(removed).toBe(3_002);
  });

  it("counts for the person who saw the form, and asks for a tick", async () => {
    const { browser, person } = await openAs("admin");
    const other = await createPerson("admin");
    await addSessions(1, person.id);
    const id = `${person.id}-000001`;
    expect((await browser.post("/console/sessions", { subject: other.id, id })).status).toBe(409);
    expect((await browser.post("/console/sessions", { subject: person.id })).status).toBe(422);
    expect(await rowsOf("open_session", person.id)).toHaveLength(1);
  });
});

describe("tasks in the console", { timeout: 60_000 }, () => {
  it("are listed while they work, ended for their client, and gone from the list when they are done", async () => {
    const { browser, person } = await openAs("admin");
    const session = await open({ as: "tara" });
    // Both wait for the test before they write: a quick machine would end them before they are looked at.
    const looked = Promise.withResolvers<void>();
    atSlice(ImportStore, { before: { 0: () => looked.promise, 1: () => looked.promise } });
    const { taskId } = await beginImport(session, "Tara", 6_000);
    const { taskId: other } = await beginImport(session, "Other", 6_000);
    await until(async () => expect(await rowsOf("open_task", "user_tara")).toHaveLength(2));
    const html = await textOf(browser.get("/console/sessions/tasks"));
    expect(html).toContain("crm_<wbr/>import_<wbr/>csv");
    const id = taskId.split(".")[0] ?? "";
    const answer = await browser.post("/console/sessions/tasks", { subject: person.id, id });
    expect(answer.headers.get("Location")).toBe("/console/sessions/tasks?ended=1");
    const ended = await reachTask(session, taskId);
    expect(ended).toMatchObject({
      status: "cancelled",
      statusMessage: expect.stringMatching(/^Ended by an operator\./),
    });
    looked.resolve();
    expect((await reachTask(session, other)).status).toBe("completed");
    await until(async () => expect(await rowsOf("open_task", "user_tara")).toEqual([]));
    expect((await allEventsOf(ADMINISTRATION)).at(-1)).toMatchObject({
      type: "work_ended",
      kind: "task",
      id,
    });
  });
});
