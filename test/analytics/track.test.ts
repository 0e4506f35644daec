import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { generateDays } from "../../scripts/seed/analytics/events.ts";
import { LANES, openSession } from "../support/session.ts";
import { RECOMPUTE } from "./recompute.ts";
import { AS_OF } from "./shop.ts";

const db = env.ANALYTICS_DB;

/** One order in a client's format. */
function makeRow(row: Record<string, unknown>): Record<string, unknown> {
  return {
    occurred_at: "2026-02-03T12:00:00Z",
    kind: "order",
    customer_id: "C1",
    region: "Europe",
    country: "Germany",
    segment: "Consumer",
    channel: "search",
    category: "Footwear",
    product: "Trail Shoe",
    quantity: 1,
    amount_cents: 1_000,
    ...row,
  };
}

const ask = { metrics: ["revenue", "orders", "new_customers"], period: "2026-01-01..2026-02-28" };

beforeEach(async () => {
  await db.exec("DELETE FROM events");
});

describe.each(LANES)("tracking events, %s", (lane) => {
  it("makes them count in the next query", async () => {
    const session = await openSession({ server: "analytics", lane });
    const { data } = await session.call("analytics_track", {
      events: [
        makeRow({ key: "a" }),
        makeRow({
          key: "b",
          customer_id: "C2",
          occurred_at: "2026-02-03T23:30:00-05:00",
          amount_cents: 2_050,
        }),
      ],
    });
    expect(data).toMatchObject({ received: 2, stored: 2, duplicates: 0, rejected: 0, errors: [] });
    const answer = await session.call("analytics_query", {
      ...ask,
      grain: "day",
      period: "2026-02-03..2026-02-04",
    });
    expect(answer.data.rows).toEqual([
      ["2026-02-03", 10, 1, 1],
      ["2026-02-04", 20.5, 1, 1],
    ]);
  });
});

describe("tracking events", () => {
  const open = (options = {}) => openSession({ server: "analytics", lane: "stateless", ...options });

  it("again changes nothing, by the same user or another", async () => {
    const events = [makeRow({ key: "a" }), makeRow({ key: "b" })];
    const alice = await open();
    const bob = await open({ as: "bob" });
    await alice.call("analytics_track", { events });
    const before = await alice.call("analytics_query", ask);
    for (const session of [alice, bob]) {
      const { data } = await session.call("analytics_track", { events: [...events, makeRow({ key: "b" })] });
      expect(data).toMatchObject({ received: 3, stored: 0, duplicates: 3, rejected: 0 });
    }
    expect((await bob.call("analytics_query", ask)).data).toEqual(before.data);
  });

  it("concurrently from two clients stores each once", async () => {
    const events = Array.from({ length: 200 }, (_, index) =>
      makeRow({ key: `k${index}`, customer_id: `C${index}` }),
    );
    const sessions = await Promise.all([open(), open({ as: "bob" })]);
    const answers = await Promise.all(sessions.map((session) => session.call("analytics_track", { events })));
    const stored = answers.map(({ data }) => data.stored).reduce((sum, count) => sum + count, 0);
    expect(stored).toBe(200);
    expect((await sessions[0].call("analytics_query", ask)).data.totals).toMatchObject({ orders: 200 });
  });

  it("names every invalid row with its field, and stores the valid ones", async () => {
    const session = await open();
    const { data } = await session.call("analytics_track", {
      events: [
        makeRow({ key: "good" }),
        makeRow({}),
        makeRow({ key: "kind", kind: "purchase" }),
        makeRow({ key: "time", occurred_at: "yesterday" }),
        makeRow({ key: "future", occurred_at: "2099-01-01T00:00:00Z" }),
        makeRow({ key: "money", amount_cents: 10.5 }),
        makeRow({ key: "field", amount: 10 }),
        makeRow({ key: "good", amount_cents: 7 }),
      ],
    });
    expect(data).toMatchObject({ received: 8, stored: 1, rejected: 7 });
    const said = data.errors.map(({ row, message }: { row: number; message: string }) => `${row} ${message}`);
    expect(said).toEqual([
      expect.stringMatching(/^1 key: /),
      expect.stringMatching(/^2 kind: /),
      expect.stringMatching(/^3 occurred_at: /),
      "4 occurred_at: more than a day in the future.",
      expect.stringMatching(/^5 amount_cents: /),
      "6 event: unknown field amount.",
      "7 Another event of this call has the same key.",
    ]);
  });

  it("with the key of another event is refused, and the stored event is unchanged", async () => {
    const session = await open();
    await session.call("analytics_track", { events: [makeRow({ key: "a" })] });
    const { data } = await session.call("analytics_track", {
      events: [makeRow({ key: "a", amount_cents: 9 }), makeRow({ key: "b", amount_cents: 500 })],
    });
    expect(data).toMatchObject({ stored: 1, duplicates: 0, rejected: 1 });
    expect(data.errors).toEqual([
      { row: 0, key: "a", message: expect.stringContaining("send a correction") },
    ]);
    expect((await session.call("analytics_query", ask)).data.totals.revenue).toBe(15);
  });

  it("finds each customer's first order, also when orders come late", async () => {
    const session = await open();
    const first = await session.call("analytics_track", {
      events: [
        makeRow({ key: "second", occurred_at: "2026-02-10T00:00:00Z" }),
        makeRow({ key: "first", occurred_at: "2026-02-05T00:00:00Z" }),
      ],
    });
    expect(first.data.stored).toBe(2);
    await session.call("analytics_track", {
      events: [makeRow({ key: "late", occurred_at: "2026-01-01T00:00:00Z" })],
    });
    const { data } = await session.call("analytics_query", { ...ask, grain: "month" });
    expect(data.rows).toEqual([
      ["2026-01", 10, 1, 1],
      ["2026-02", 20, 2, 0],
    ]);
  });

  it("leaves a customer without a first order when the sender marks the earliest as a later one", async () => {
    const session = await open();
    await session.call("analytics_track", { events: [makeRow({ key: "marked" })] });
    const early = makeRow({ key: "early", occurred_at: "2026-01-02T00:00:00Z", new_customer: false });
    await session.call("analytics_track", { events: [early] });
    const again = await session.call("analytics_track", {
      events: [early, makeRow({ key: "marked" })],
    });
    expect(again.data).toMatchObject({ stored: 0, duplicates: 2, rejected: 0 });
    expect((await session.call("analytics_query", ask)).data.totals).toMatchObject({ new_customers: 0 });
  });

  it("moves a mark that the sender gave to a later order, and accepts the same event again as equal", async () => {
    const session = await open();
    const marked = makeRow({ key: "marked", new_customer: true });
    await session.call("analytics_track", { events: [marked] });
    await session.call("analytics_track", {
      events: [makeRow({ key: "late", occurred_at: "2026-01-02T00:00:00Z" })],
    });
    const { data } = await session.call("analytics_track", { events: [marked] });
    expect(data).toMatchObject({ duplicates: 1, rejected: 0 });
    const answer = await session.call("analytics_query", { ...ask, grain: "month" });
    expect(answer.data.rows.map(([, , , people]: unknown[]) => people)).toEqual([1, 0]);
  });

  it.each<[string, Record<string, unknown>[]]>([
    ["an empty object", [{}]],
    ["a wrong field", [{ key: "a", colour: "red" }]],
    ["many of them", Array.from({ length: 1_500 }, () => ({}))],
  ])("where every event is invalid names each instead of failing: %s", async (_what, events) => {
    const session = await open();
    const answer = await session.call("analytics_track", { events });
    expect(answer.error).toBeUndefined();
    expect(answer.data).toMatchObject({
      received: events.length,
      stored: 0,
      duplicates: 0,
      rejected: events.length,
    });
    expect(answer.data.errors[0].message).toContain("occurred_at: ");
  });

  it("spells members like stored ones and lists new ones", async () => {
    const session = await open();
    await session.call("analytics_track", { events: [makeRow({ key: "a" })] });
    const { data } = await session.call("analytics_track", {
      events: [makeRow({ key: "b", region: "europe", product: "Canoe" })],
    });
    expect(data.new_members).toEqual([{ dimension: "product", member: "Canoe" }]);
    expect(data.notes).toContain('region "europe" was stored as Europe.');
    const answer = await session.call("analytics_query", { ...ask, dimensions: "region" });
    expect(answer.data.rows).toEqual([["Europe", 20, 2, 1]]);
  });

  it("accepts 10,000 in one call, and the figures include them", async () => {
    const session = await open();
    const rows = [...generateDays({ asOf: AS_OF, events: 10_000, days: 50 })].flat();
    const events = rows.map(({ id, new_customer, campaign, ...row }) => ({
      key: `e${id}`,
      ...row,
      ...(campaign && { campaign }),
      ...(row.kind === "order" && { new_customer: new_customer === 1 }),
    }));
    const { data } = await session.call("analytics_track", { events });
    expect(data).toMatchObject({ received: 10_000, stored: 10_000, rejected: 0 });
    const metrics = ["revenue", "orders", "new_customers", "visitors", "conversion_rate", "refund_rate"];
    const answer = await session.call("analytics_query", { metrics, period: "2026-01-01..2026-02-28" });
    expect(Object.values(answer.data.totals)).toEqual(metrics.map((name) => RECOMPUTE[name]?.(rows)));
  }, 30_000);

  it("refuses more than 10,000", async () => {
    const session = await open();
    const events = Array.from({ length: 10_001 }, (_, index) => ({ key: String(index) }));
    const answer = await session.call("analytics_track", { events });
    expect(answer.isError).toBe(true);
  }, 30_000);

  it.each(["viewer", "analyst", "sales", "editor"])(
    "is not for a %s, and not in their list",
    async (role) => {
      const session = await open({ role, scopes: ["analytics:read"] });
      expect((await session.listTools()).map(({ name }: { name: string }) => name)).not.toContain(
        "analytics_track",
      );
      const outcome = await session
        .call("analytics_track", { events: [makeRow({ key: "a" })] })
        .then(({ isError }) => isError)
        .catch(() => true);
      expect(outcome).toBe(true);
      expect(await db.prepare("SELECT count(*) AS events FROM events").first("events")).toBe(0);
    },
  );
});
