import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it } from "vitest";
import { principalGate } from "../../shared/objects/principal-gate.ts";
import { bundledPolicy } from "../../shared/policy/bundled.ts";
import { masksOf } from "../../shared/policy/masks.ts";
import { taskOverdue } from "../../workers/crm/events/task-overdue.ts";
import { openCrmStore } from "../../workers/crm/store.ts";
import { eventsOf } from "../audit/trail.ts";
import { replaceRole } from "../invariants/random-policy.ts";
import { openSession, type TestSession } from "../support/session.ts";
import { addDeal, moveDeal } from "./records.ts";

/** What an app gets of a deal that changed its stage. */
interface StageChange {
  name: string;
  data: { deal_id: string; to_stage: string };
}

const STAGE = "crm_deal_stage_changed";
const STREAM_ID = "io.modelcontextprotocol/subscriptionId";

/** Opens a stream and reads its messages one by one. */
async function openStream(session: TestSession, params: Record<string, unknown>) {
  const controller = new AbortController();
  const response = await session.send("events/stream", params, controller.signal);
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const read = async (): Promise<ReturnType<typeof JSON.parse>> => {
    for (;;) {
      const [, data, rest] = /^.*?data: (\{[^\n]*)\n\n(.*)$/s.exec(text) ?? [];
      if (data !== undefined) {
        text = rest ?? "";
        return JSON.parse(data);
      }
      const chunk = await reader?.read();
      if (!chunk || chunk.done) return null;
      text += chunk.value;
    }
  };
  const next = async (kind?: string) => {
    for (;;) {
      const message = await read();
      if (kind === undefined || message === null || message.method === `notifications/events/${kind}`)
        return message;
    }
  };
  return { messages: { next }, close: () => reader?.cancel() };
}

afterEach(() => replaceRole("editor", {}));

const open = (options: object = {}) => openSession({ server: "crm", lane: "stateless", ...options });

describe("events of a server", () => {
  it("are announced by server/discover under both names that clients look for", async () => {
    const { result } = await (await open()).request("server/discover");
    expect(result.capabilities.events).toEqual({});
    expect(result.capabilities.extensions["io.modelcontextprotocol/events"]).toEqual({ listChanged: false });
  });

  it("are no methods of the sessionful generation, for which the extension is not defined", async () => {
    const session = await open({ lane: "sessionful" });
    expect((await session.request("events/list")).error?.code).toBe(-32601);
  });

  it("are listed with their schemas and ways of delivery, to a role that may have them", async () => {
    const { result } = await (await open()).request("events/list");
    const listed = result.events.find(({ name }: { name: string }) => name === STAGE);
    expect(listed).toMatchObject({
      delivery: ["webhook", "push", "poll"],
      inputSchema: { type: "object", properties: { stage: { enum: expect.arrayContaining(["won"]) } } },
      payloadSchema: { type: "object", properties: { deal_id: { type: "string" } } },
    });
    const editor = await open({ as: "ines", role: "editor" });
    replaceRole("editor", { allowed_events: ["*"], denied_events: ["crm_deal_*"] });
    const names = (await editor.request("events/list")).result.events.map(
      ({ name }: { name: string }) => name,
    );
    expect(names).not.toContain(STAGE);
    expect(names).toContain("crm_task_overdue");
  });
});

describe("a poll", () => {
  it("begins at now, and then gives what happened, in order, once, with a cursor", async () => {
    const [reader, writer] = [await open({ as: "rita", role: "viewer" }), await open()];
    await addDeal(writer);
    const first = await reader.request("events/poll", { name: STAGE, cursor: null });
    expect(first.result).toMatchObject({ events: [], truncated: false, hasMore: false });
    const deal = await addDeal(writer);
    await moveDeal(writer, deal, "qualified");
    const { result } = await reader.request("events/poll", { name: STAGE, cursor: first.result.cursor });
    expect(result.events.map(({ name, data }: StageChange) => [name, data.deal_id, data.to_stage])).toEqual([
      [STAGE, deal, "lead"],
      [STAGE, deal, "qualified"],
    ]);
    expect(new Set(result.events.map(({ eventId }: { eventId: string }) => eventId)).size).toBe(2);
    const after = await reader.request("events/poll", { name: STAGE, cursor: result.cursor });
    expect(after.result.events).toEqual([]);
  });

  it("masks what the role of the reader may not see, and shows it to another role", async () => {
    const [viewer, sales] = [
      await open({ as: "vic", role: "viewer" }),
      await open({ as: "sam", role: "sales" }),
    ];
    const start = { name: STAGE };
    const cursors = [
      (await viewer.request("events/poll", start)).result.cursor,
      (await sales.request("events/poll", start)).result.cursor,
    ];
    await addDeal(await open());
    const seen = await viewer.request("events/poll", { ...start, cursor: cursors[0] });
    expect(seen.result.events[0].data.contact).toMatch(/•/);
    const whole = await sales.request("events/poll", { ...start, cursor: cursors[1] });
    expect(whole.result.events[0].data.contact).toMatch(/^Grace Hopper/);
  });

  it("gives at most the asked number, and says that more are there", async () => {
    const session = await open();
    const { cursor } = (await session.request("events/poll", { name: STAGE })).result;
    const deals = [await addDeal(session), await addDeal(session), await addDeal(session)];
    const one = await session.request("events/poll", { name: STAGE, cursor, maxEvents: 2 });
    expect(one.result).toMatchObject({ hasMore: true, truncated: false });
    const two = await session.request("events/poll", {
      name: STAGE,
      cursor: one.result.cursor,
      maxEvents: 2,
    });
    const all = [...one.result.events, ...two.result.events];
    expect(all.map(({ data }) => data.deal_id)).toEqual(deals);
    expect(two.result.hasMore).toBe(false);
  });

  it("narrows by its arguments, and the cursor passes what does not fit", async () => {
    const session = await open();
    const asked = { name: STAGE, arguments: { stage: "qualified" } };
    const { cursor } = (await session.request("events/poll", asked)).result;
    const deal = await addDeal(session);
    const none = (await session.request("events/poll", { ...asked, cursor })).result;
    expect(none.events).toEqual([]);
    await moveDeal(session, deal, "qualified");
    const { events } = (await session.request("events/poll", { ...asked, cursor: none.cursor })).result;
    expect(events.map(({ data }: StageChange) => data.to_stage)).toEqual(["qualified"]);
  });

  it("leaves out what is older than asked, and says that something is missing", async () => {
    const session = await open();
    const { cursor } = (await session.request("events/poll", { name: STAGE })).result;
    const [old, fresh] = [await addDeal(session), await addDeal(session)];
    await env.CRM_DB.prepare("UPDATE deal_stage_history SET changed_at = ? WHERE deal_id = ?")
      .bind(new Date(Date.now() - 3_600_000).toISOString(), old)
      .run();
    const { result } = await session.request("events/poll", { name: STAGE, cursor, maxAgeMs: 600_000 });
    expect(result.events.map(({ data }: StageChange) => data.deal_id)).toEqual([fresh]);
    expect(result.truncated).toBe(true);
  });

  it("takes no cursor of another person: it begins at now and says that something may be missing", async () => {
    const [alice, bob] = [await open(), await open({ as: "bob" })];
    const { cursor } = (await alice.request("events/poll", { name: STAGE })).result;
    await addDeal(alice);
    const { result } = await bob.request("events/poll", { name: STAGE, cursor });
    expect(result).toMatchObject({ events: [], truncated: true });
  });

  it("finds a change whose number was that of a deleted one before", async () => {
    const session = await open();
    const gone = await addDeal(session);
    const { cursor } = (await session.request("events/poll", { name: STAGE })).result;
    await env.CRM_DB.prepare("DELETE FROM deal_stage_history WHERE deal_id = ?").bind(gone).run();
    const deal = await addDeal(session);
    const { events } = (await session.request("events/poll", { name: STAGE, cursor })).result;
    expect(events.map(({ data }: StageChange) => data.deal_id)).toEqual([deal]);
  });

  it("tells of a task once its day is over, and of none that was done", async () => {
    const session = await open();
    const due = "2027-03-10";
    const company = await session.call("crm_create_company", { name: `Late ${crypto.randomUUID()}` });
    const add = async (title: string) =>
      (await session.call("crm_create_task", { title, due, company_id: company.data.company.id })).data.task
        .id;
    const [late, done] = [await add("Call"), await add("Write")];
    await session.call("crm_complete_task", { task_id: done });
    const read = (after: string | null, now: string) =>
      taskOverdue.read({ arguments: {}, after, limit: 50 }, {
        store: openCrmStore(env.CRM_DB, masksOf(bundledPolicy(), "sales")),
        now: new Date(now),
      } as never);
    const { position } = await read(null, "2027-03-10T23:00:00Z");
    expect((await read(position, "2027-03-10T23:59:59Z")).events).toEqual([]);
    const { events, position: next } = await read(position, "2027-03-11T00:00:01Z");
    expect(events.map(({ id, at, data }) => [id, at, data.title])).toEqual([
      [`${late}.${due}`, "2027-03-11T00:00:00.000Z", "Call"],
    ]);
    expect((await read(next, "2027-03-11T08:00:00Z")).events).toEqual([]);
  });
});

describe("a poll is refused", () => {
  it("for an unknown event with NotFound, and for wrong arguments with the field", async () => {
    const session = await open();
    expect((await session.request("events/poll", { name: "crm_nothing" })).error).toMatchObject({
      code: -32023,
      data: { kind: "event" },
    });
    const wrong = await session.request("events/poll", { name: STAGE, arguments: { stage: "sold" } });
    expect(wrong.error).toMatchObject({ code: -32602, message: expect.stringContaining("stage") });
    expect((await session.request("events/poll", { cursor: "x" })).error?.code).toBe(-32602);
  });

  it("for a role without the event with Forbidden", async () => {
    const session = await open({ as: "ines", role: "editor" });
    replaceRole("editor", { allowed_events: undefined });
    expect((await session.request("events/poll", { name: STAGE })).error?.code).toBe(-32024);
  });

  it("for a token without the scope with the challenge of a step-up", async () => {
    const session = await open({ as: "nora", role: "sales", scopes: ["crm:write"] });
    const response = await session.send("events/poll", { name: STAGE });
    expect(response.status).toBe(403);
    expect(response.headers.get("www-authenticate")).toContain("crm:read");
  });
});

describe("a stream", () => {
  it("confirms itself, gives what happens while it is open, and ends with the grant without a word of content", async () => {
    const [reader, writer] = [await open({ as: "stan", role: "viewer" }), await open()];
    const { messages, close } = await openStream(reader, { name: STAGE });
    expect(await messages.next()).toMatchObject({
      method: "notifications/events/active",
      params: { cursor: expect.any(String), truncated: false, _meta: { [STREAM_ID]: expect.any(Number) } },
    });
    const deal = await addDeal(writer);
    const event = await messages.next("event");
    expect(event.params).toMatchObject({
      name: STAGE,
      data: { deal_id: deal, contact: expect.stringMatching(/•/) },
    });
    await principalGate(env, "user_stan").revokeGrant(reader.token.accessToken.split(":")[1] ?? "");
    await addDeal(writer);
    expect((await messages.next("terminated")).params.error).toMatchObject({ code: -32024 });
    expect((await messages.next()).result).toMatchObject({ resultType: "complete" });
    const recorded = (await eventsOf("user_stan")).filter(
      (one) => one.type === "intent" && one.kind === "event",
    );
    expect(recorded.length).toBe(2);
    await close();
  });

  it("goes on after a cursor, and is refused at once where a poll is", async () => {
    const session = await open();
    const { cursor } = (await session.request("events/poll", { name: STAGE })).result;
    const deal = await addDeal(session);
    const { messages, close } = await openStream(session, { name: STAGE, cursor });
    await messages.next("active");
    expect((await messages.next("event")).params.data.deal_id).toBe(deal);
    await close();
    expect((await session.request("events/stream", { name: "crm_nothing" })).error?.code).toBe(-32023);
  });
});
