import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { generateDays, type ShopEvent } from "../../scripts/seed/analytics/events.ts";
import { insertEvents } from "../../scripts/seed/analytics/insert.ts";
import { countCohorts } from "../../workers/analytics/store/cohorts.ts";
import { countFunnel } from "../../workers/analytics/store/funnel.ts";
import { LANES, openSession } from "../support/session.ts";
import { AS_OF, makeEvent } from "./shop.ts";

const db = env.ANALYTICS_DB;
const STEPS = ["visit", "cart", "order"] as const;
const DAY_MS = 86_400_000;

const drawnEvents = fc.uniqueArray(
  fc.record({
    id: fc.integer({ min: 1, max: 100_000 }),
    customer_id: fc.constantFrom("C1", "C2", "C3"),
    // Few times, so that some coincide.
    moment: fc.integer({ min: 0, max: 40 }).map((step) => Date.UTC(2026, 0, 1) + step * DAY_MS * 0.75),
    kind: fc.constantFrom("visit", "cart", "order", "order") as fc.Arbitrary<ShopEvent["kind"]>,
    channel: fc.constantFrom("ads", "email"),
    region: fc.constantFrom("Europe", "Asia Pacific"),
  }),
  { selector: ({ id }) => id, minLength: 1, maxLength: 40 },
);

function toEvents(drawn: readonly { id: number; moment: number }[]): ShopEvent[] {
  return drawn.map(({ moment, ...event }) =>
    makeEvent({ ...event, occurred_at: `${new Date(moment).toISOString().slice(0, 19)}Z` }),
  );
}

/** Whether some sequence of the rows passes the steps up to `depth`: tries every start. */
function reaches(rows: readonly ShopEvent[], depth: number, from: string, to: string, days: number): boolean {
  const times = (step: number) =>
    rows.filter(({ kind }) => kind === STEPS[step]).map(({ occurred_at }) => Date.parse(occurred_at));
  const begins = times(0).filter(
    (moment) => moment >= Date.parse(`${from}T00:00:00Z`) && moment < Date.parse(`${to}T00:00:00Z`),
  );
  return begins.some((begin) => {
    let at = begin;
    for (let step = 1; step <= depth; step++) {
      at = Math.min(...times(step).filter((moment) => moment >= at));
      if (at > begin + days * DAY_MS) return false;
    }
    return true;
  });
}

beforeEach(async () => {
  await db.exec("DELETE FROM events");
});

describe("a funnel", () => {
  it("counts the same people as a search over all starts", async () => {
    await fc.assert(
      fc.asyncProperty(
        drawnEvents,
        fc.integer({ min: 1, max: 12 }),
        fc.constantFrom(undefined, "channel"),
        fc.boolean(),
        // Customer by customer, a few at a time, or all at once.
        fc.constantFrom(1, 4, 1_000),
        async (drawn, days, by, isFiltered, sliceEvents) => {
          await db.exec("DELETE FROM events");
          const events = toEvents(drawn);
          await insertEvents(db, events);
          const [from, to] = ["2026-01-05", "2026-01-20"];
          const filters = isFiltered ? [{ dimension: "region", members: ["Europe"], exclude: false }] : [];
          const found = await countFunnel(db, { steps: STEPS, from, to, days, filters, by, sliceEvents });
          const rows = events.filter(({ region }) => !isFiltered || region === "Europe");
          const members = [...new Set(rows.map((row) => (by ? row.channel : "")))];
          const expected = members.map((member) => ({
            member,
            people: STEPS.map(
              (_, depth) =>
                ["C1", "C2", "C3"].filter((customer) =>
                  reaches(
                    rows.filter((row) => row.customer_id === customer && (!by || row.channel === member)),
                    depth,
                    from,
                    to,
                    days,
                  ),
                ).length,
            ),
          }));
          const withPeople = expected.filter(({ people }) => (people[0] ?? 0) > 0);
          expect(new Map(found.map(({ member, people }) => [member, people]))).toEqual(
            new Map(withPeople.map(({ member, people }) => [member, people])),
          );
        },
      ),
      { numRuns: 60 },
    );
  }, 30_000);
});

function startOf(stamp: string, grain: "day" | "week" | "month"): string {
  const moment = new Date(`${stamp.slice(0, 10)}T00:00:00Z`);
  if (grain === "month") return `${stamp.slice(0, 7)}-01`;
  if (grain === "week") moment.setUTCDate(moment.getUTCDate() - ((moment.getUTCDay() + 6) % 7));
  return moment.toISOString().slice(0, 10);
}

function ageOf(cohort: string, bucket: string, grain: "day" | "week" | "month"): number {
  const [a, b] = [new Date(cohort), new Date(bucket)];
  if (grain === "month")
    return (b.getUTCFullYear() - a.getUTCFullYear()) * 12 + b.getUTCMonth() - a.getUTCMonth();
  return Math.round((b.getTime() - a.getTime()) / DAY_MS / (grain === "week" ? 7 : 1));
}

describe("cohorts", () => {
  it("equal the sets of each customer's buckets", async () => {
    await fc.assert(
      fc.asyncProperty(
        drawnEvents,
        fc.constantFrom("day", "week", "month") as fc.Arbitrary<"day" | "week" | "month">,
        fc.boolean(),
        fc.constantFrom(1, 4, 1_000),
        async (drawn, grain, isFiltered, sliceEvents) => {
          await db.exec("DELETE FROM events");
          const events = toEvents(drawn);
          await insertEvents(db, events);
          const [from, to] = ["2026-01-05", "2026-02-02"];
          const filters = isFiltered ? [{ dimension: "region", members: ["Europe"], exclude: true }] : [];
          const found = await countCohorts(db, { kind: "order", grain, from, to, filters, sliceEvents });
          const counts = new Map<string, number>();
          for (const customer of ["C1", "C2", "C3"]) {
            const own = events
              .filter((row) => row.customer_id === customer && row.kind === "order")
              .filter(({ region }) => !isFiltered || region !== "Europe")
              .map(({ occurred_at }) => occurred_at)
              .sort();
            const [first = ""] = own;
            if (first.slice(0, 10) < from || first.slice(0, 10) >= to) continue;
            const cohort = startOf(first, grain);
            const buckets = new Set(
              own.filter((stamp) => stamp.slice(0, 10) < to).map((stamp) => startOf(stamp, grain)),
            );
            for (const bucket of buckets) {
              const key = `${cohort} ${ageOf(cohort, bucket, grain)}`;
              counts.set(key, (counts.get(key) ?? 0) + 1);
            }
          }
          expect(new Map(found.map(({ cohort, age, people }) => [`${cohort} ${age}`, people]))).toEqual(
            counts,
          );
        },
      ),
      { numRuns: 60 },
    );
  }, 30_000);
});

describe.each(LANES)("journeys as tools, %s", (lane) => {
  it("the funnel of a shop loses people step by step and names the largest loss", async () => {
    await insertEvents(db, [...generateDays({ asOf: AS_OF, events: 1_500, days: 40 })].flat());
    const session = await openSession({ server: "analytics", lane });
    const { data } = await session.call("analytics_funnel", { period: "2026-01-25..2026-02-20" });
    expect(data.columns).toEqual(["step", "people", "percent_of_first", "percent_of_previous"]);
    expect(data.rows.map(([step]: [string]) => step)).toEqual(["visit", "cart", "checkout", "order"]);
    const people = data.rows.map(([, count]: [string, number]) => count);
    expect(people).toEqual([...people].sort((a, b) => b - a));
    expect(data.rows[0].slice(2)).toEqual([100, null]);
    expect(data.biggest_loss).toMatch(/^\d+ people between visit and cart$/);
    const cut = await session.call("analytics_funnel", {
      period: "2026-01-25..2026-02-20",
      by: "channel",
      region: "EMEA",
    });
    expect(cut.data.columns[0]).toBe("channel");
    expect(cut.data.notes).toContain('"EMEA" was read as Europe.');
  });

  it("retention shows returning customers, the average over people, and no bucket that is still running", async () => {
    const order = (id: number, customer: string, day: string) =>
      makeEvent({ id, customer_id: customer, occurred_at: `${day}T10:00:00Z`, amount_cents: 100 });
    await insertEvents(db, [
      order(1, "A", "2025-11-03"),
      order(2, "A", "2025-12-03"),
      order(3, "B", "2025-11-20"),
      order(4, "B", "2026-01-20"),
      order(5, "C", "2025-12-09"),
      order(6, "C", "2026-01-09"),
      order(7, "D", "2025-10-30"),
      order(8, "D", "2025-11-30"),
    ]);
    const session = await openSession({ server: "analytics", lane });
    const { data } = await session.call("analytics_retention", { period: "2025-11-01..2026-01-31" });
    expect(data.rows).toEqual([
      ["2025-11", 2, 50, 50],
      ["2025-12", 1, 100, null],
      ["2026-01", 0, null, null],
    ]);
    // Two of three came back after one month; D is of an earlier cohort.
    expect(data.average).toEqual([66.67, 50]);
    const { error } = await session.call("analytics_retention", { period: "2026-01-05..2026-01-10" });
    expect(error?.message).toBe("The period has 0 whole months; 1 to 36 can be shown.");
  });
});
