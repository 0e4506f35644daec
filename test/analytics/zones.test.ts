import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import type { ShopEvent } from "../../scripts/seed/analytics/events.ts";
import { placeInZone } from "../../workers/analytics/zones.ts";
import { openSession, type TestSession } from "../support/session.ts";
import { groupBy, RECOMPUTE } from "./recompute.ts";
import { loadShop } from "./shop.ts";

const ZONES = ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe"];
const METRICS = ["revenue", "visits", "visitors"];

let rows: ShopEvent[];
let session: TestSession;

beforeAll(async () => {
  rows = await loadShop(2_500, 200);
  session = await openSession({ server: "analytics", lane: "stateless" });
});

/** Local date and time, by the platform's own formatting. */
function wallClock(stamp: string, zone: string): string {
  return new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "medium" }).format(
    new Date(stamp),
  );
}

describe.each(ZONES)("days of %s", (zone) => {
  it.each([
    ["day", (clock: string) => clock.slice(0, 10)],
    ["month", (clock: string) => clock.slice(0, 7)],
  ] as const)(
    "by %s have the events that the clock on its wall says, through its change of time",
    async (grain, label) => {
      const { data } = await session.call("analytics_query", {
        metrics: METRICS,
        grain,
        period: "2025-10-01..2025-11-30",
        timezone: zone,
      });
      const local = rows.filter(({ occurred_at }) => {
        const day = wallClock(occurred_at, zone).slice(0, 10);
        return day >= "2025-10-01" && day <= "2025-11-30";
      });
      const groups = groupBy(local, (row) => label(wallClock(row.occurred_at, zone)));
      expect(data.timezone).toBe(
        new Intl.DateTimeFormat("en", { timeZone: zone }).resolvedOptions().timeZone,
      );
      expect(data.rows).toHaveLength(grain === "day" ? 61 : 2);
      for (const [bucket, ...figures] of data.rows) {
        expect([bucket, ...figures]).toEqual([
          bucket,
          ...METRICS.map((name) => RECOMPUTE[name]?.(groups.get(bucket) ?? [])),
        ]);
      }
    },
  );
});

describe("time zones", () => {
  it("count the hour that the clock shows twice as two hours", async () => {
    const { data } = await session.call("analytics_query", {
      metrics: "visits",
      grain: "hour",
      period: "2025-10-26",
      timezone: "Europe/Berlin",
    });
    const hours = data.rows.map(([hour]: [string]) => hour);
    expect(hours).toHaveLength(25);
    expect(hours.slice(1, 5)).toEqual([
      "2025-10-26T01:00+02:00",
      "2025-10-26T02:00+02:00",
      "2025-10-26T02:00+01:00",
      "2025-10-26T03:00+01:00",
    ]);
    const visits = data.rows.reduce((sum: number, [, count]: [string, number]) => sum + count, 0);
    expect(visits).toBe(data.totals.visits);
  });

  it("begin a day at its first moment where midnight does not exist", () => {
    const day = { from: "2025-04-25", to: "2025-04-26", unit: "day", toDate: false } as const;
    // Egypt put its clocks forward at midnight of that day.
    expect(placeInZone(day, "Africa/Cairo")).toMatchObject({
      from: "2025-04-24T22:00:00Z",
      to: "2025-04-25T21:00:00Z",
    });
  });

  it("follow each other without gap or overlap", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...ZONES, "Africa/Casablanca", "America/Sao_Paulo", "Pacific/Apia"),
        fc.integer({ min: 0, max: 9_000 }),
        (zone, index) => {
          const days = [0, 1, 2].map((step) =>
            new Date(Date.UTC(2003, 0, 1 + index + step)).toISOString().slice(0, 10),
          );
          const [a = "", b = "", c = ""] = days;
          const first = placeInZone({ from: a, to: b, unit: "day", toDate: false }, zone);
          const second = placeInZone({ from: b, to: c, unit: "day", toDate: false }, zone);
          expect(first.to).toBe(second.from);
          expect(first.from <= first.to).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("that do not exist are refused with an example", async () => {
    const { error } = await session.call("analytics_query", { metrics: "visits", timezone: "Mars/Olympus" });
    expect(error).toMatchObject({ code: "invalid_input", message: 'There is no time zone "Mars/Olympus".' });
  });

  it("in UTC by any name are the UTC days", async () => {
    const args = { metrics: METRICS, grain: "month", period: "2025-10-01..2025-11-30" };
    const plain = await session.call("analytics_query", args);
    const named = await session.call("analytics_query", { ...args, timezone: "Etc/UTC" });
    expect(named.data).toEqual(plain.data);
  });
});
