import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { noteAlerts } from "../../workers/gateway/alerts/run-alerts.ts";
import { NOON, openTestStore, saveArticles } from "../knowledge/fixture.ts";
import { decideAs, findApproval } from "../support/approvals.ts";
import { setApprovals } from "../support/policy.ts";
import { openSession, type SessionOptions, type TestSession } from "../support/session.ts";
import { reachTask, TASKS } from "../support/tasks.ts";
import { lookNow, Receiver, subscribe } from "./receiver.ts";
import { addDeal, moveDeal } from "./records.ts";

interface Polled {
  eventId: string;
  data: Record<string, unknown>;
}

const open = (options: Partial<SessionOptions>) =>
  openSession({ server: "knowledge", lane: "stateless", ...options });

const begin = async (session: TestSession, name: string): Promise<string> =>
  (await session.request("events/poll", { name })).result.cursor;

const poll = async (session: TestSession, name: string, cursor: string): Promise<Polled[]> =>
  (await session.request("events/poll", { name, cursor })).result.events;

describe("events of the knowledge base", () => {
  beforeAll(async () => {
    await saveArticles();
    const store = openTestStore();
    await store.collections.ensure({ slug: "board", title: "Board" }, NOON);
    await store.collections.share("board", { readers: ["board"], writers: ["board"] });
  });

  it("tell of each version once, also of one whose call began before another one's", async () => {
    const session = await open({ as: "kay" });
    const store = openTestStore();
    const name = "knowledge_article_published";
    const cursor = await begin(session, name);
    const write = (title: string, secondsAgo: number) =>
      store.createArticle(
        { collection: "handbook", title, body: "Text.", tags: [] },
        new Date(Date.now() - secondsAgo * 1_000),
      );
    await write("Second", 0);
    const { result } = await session.request("events/poll", { name, cursor });
    await write("First, and late", 20);
    const later = await poll(session, name, result.cursor);
    expect([...result.events, ...later].map(({ data }: Polled) => data.title)).toEqual([
      "Second",
      "First, and late",
    ]);
  });

  it("tell of no article in a collection that the role cannot read", async () => {
    const [editor, admin] = [await open({ as: "ed", role: "editor" }), await open({ as: "kay" })];
    const name = "knowledge_article_published";
    const cursors = [await begin(editor, name), await begin(admin, name)];
    const draft = { collection: "board", title: "Layoffs", body: "None.", tags: [] };
    await openTestStore().createArticle(draft, new Date());
    expect(await poll(editor, name, cursors[0] ?? "")).toEqual([]);
    expect((await poll(admin, name, cursors[1] ?? "")).map(({ data }) => data.title)).toEqual(["Layoffs"]);
  });

  it("tell of a review", async () => {
    const session = await open({ as: "kay" });
    const name = "knowledge_article_reviewed";
    const cursor = await begin(session, name);
    await session.call("knowledge_review_article", { id: "refund-policy", review_on: "2027-05-01" });
    expect(
      (await poll(session, name, cursor)).map(({ data }) => [data.id, data.review_on, data.reviewed_by]),
    ).toEqual([["refund-policy", "2027-05-01", "kay"]]);
  });
});

describe("events of Gatehouse itself", () => {
  it("tell an app, and no other one of the person, that its approval was decided", async () => {
    setApprovals("sales", [{ name: "moves", tools: ["crm_move_deal"], message: "A second look." }]);
    const options = { server: "crm", as: "olga", role: "sales" };
    const [mine, other] = [await open(options), await open(options)];
    const [receiver, theirs] = [new Receiver(), new Receiver()];
    const name = "gateway_approval_decided";
    await subscribe(mine, receiver, { name });
    await subscribe(other, theirs, { name });
    const deal = await addDeal(await open({ server: "crm" }));
    await expect(moveDeal(mine, deal, "qualified")).rejects.toThrow(/approv/i);
    await decideAs("user_boss", await findApproval("user_olga"));
    await lookNow("user_olga");
    const [message] = await receiver.wait(1);
    expect(message?.body.data).toMatchObject({ server: "crm", tool: "crm_move_deal", granted: true });
    await lookNow("user_olga");
    expect(await receiver.events()).toHaveLength(1);
    expect(await theirs.events()).toEqual([]);
  });

  it("tell an app that its task has ended", async () => {
    const session = await open({ server: "analytics", as: "tina", capabilities: TASKS });
    const name = "gateway_work_done";
    const cursor = await begin(session, name);
    const events = Array.from({ length: 1_200 }, (_, index) => ({
      key: `done-${index}`,
      occurred_at: "2026-02-03T12:00:00Z",
      kind: "order",
      customer_id: `C${index % 50}`,
      ...{ region: "Europe", country: "Germany", segment: "Consumer", channel: "search" },
      ...{ category: "Footwear", product: "Trail Shoe", quantity: 1, amount_cents: 1_000 },
    }));
    const { taskId } = (
      await session.request("tools/call", { name: "analytics_track", arguments: { events } })
    ).result;
    await reachTask(session, taskId);
    expect((await poll(session, name, cursor)).map(({ data }) => data)).toEqual([
      { task_id: taskId, tool: "analytics_track", status: "completed" },
    ]);
    const other = await open({ server: "analytics", as: "tina" });
    expect(await poll(other, name, await begin(other, name))).toEqual([]);
  });

  it("tell of a connection that fails only those whose token reaches it", async () => {
    const [session, stranger] = [await open({ as: "kay" }), await open({ server: "crm", as: "kay" })];
    const name = "gateway_connection_down";
    const cursors = [await begin(session, name), await begin(stranger, name)];
    const text = "The connection fails.";
    await noteAlerts(env.PLATFORM_DB, [{ kind: "connection", subject: "knowledge", text }], Date.now());
    expect((await poll(session, name, cursors[0] ?? "")).map(({ data }) => data)).toEqual([
      { connection: "knowledge" },
    ]);
    expect(await poll(stranger, name, cursors[1] ?? "")).toEqual([]);
  });
});
