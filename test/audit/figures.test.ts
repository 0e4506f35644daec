import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import type { Link } from "../../shared/audit/chain.ts";
import { bundledPolicy } from "../../shared/policy/bundled.ts";
import { countRecords, readCountLag } from "../../workers/audit-log/figures/count-records.ts";
import { COUNTS, GRAINS } from "../../workers/audit-log/figures/grains.ts";
import {
  type CallCounts,
  findQuantile,
  readMembers,
  readReasons,
  readSeries,
  sumCounts,
} from "../../workers/audit-log/figures/read-figures.ts";
import { removeOldCalls } from "../../workers/audit-log/figures/remove-calls.ts";
import { removeFigures } from "../../workers/audit-log/figures/remove-figures.ts";
import { takeOverCalls } from "../../workers/audit-log/figures/take-over-calls.ts";
import { writeDays } from "../../workers/audit-log/figures/write-days.ts";
import { storeLinks } from "../../workers/audit-log/store-records.ts";
import { sweepRecords } from "../../workers/audit-log/sweep-records.ts";
import { type Call, linksOfCalls } from "./links.ts";
import { deliver, emptyTrail, insertIntoTable } from "./trail.ts";

const START = Date.UTC(2026, 10, 29, 10, 59, 30);
const DAY_MS = 86_400_000;
const ALL = { grain: "hour", from: 0, to: Number.MAX_SAFE_INTEGER } as const;

const ENDING_OF: Record<Call["end"], string | null> = {
  ok: "ok",
  not_found: "failed",
  rate_limited: "limited",
  input_required: "waiting",
  unknown: "unknown",
  forbidden: "denied",
  deny: "denied",
  running: null,
};

beforeEach(emptyTrail);

const calls = fc.array(
  fc.record<Call>({
    person: fc.constantFrom("user_a", "user_b"),
    name: fc.constantFrom("crm_find_contacts", "crm_move_deal", "crm_get_customer"),
    clientId: fc.constantFrom("app_1", "app_2"),
    at: fc.integer({ min: START, max: START + 2 * 3_600_000 }),
    ms: fc.integer({ min: 0, max: 400_000 }),
    end: fc.constantFrom(
      "ok",
      "ok",
      "not_found",
      "rate_limited",
      "input_required",
      "unknown",
      "forbidden",
      "running",
      "deny",
    ),
  }),
  { minLength: 1, maxLength: 25 },
);

/** Counts as a reader of the records would make them, for calls that a filter keeps. */
function tally(made: readonly Call[]): Record<string, number> {
  const counts: Record<string, number> = { calls: made.length };
  for (const { end, ms } of made) {
    const ending = ENDING_OF[end];
    if (ending !== null) counts[ending] = (counts[ending] ?? 0) + 1;
    // A count of zero is left out, as in what the page reads.
    if (ms > 0 && (ending === "ok" || ending === "failed"))
      counts.duration_ms = (counts.duration_ms ?? 0) + ms;
  }
  return counts;
}

function compact({ buckets, ...counts }: CallCounts): Record<string, number> {
  const kept = Object.entries(counts).filter(
    ([name, count]) => count !== 0 && typeof count === "number" && name !== "at",
  );
  expect(buckets.reduce((sum, count) => sum + count, 0)).toBe(counts.ok + counts.failed);
  return { calls: 0, ...Object.fromEntries(kept) };
}

describe("the counts of the trail", () => {
  it("are the same however records are delivered: in pieces, out of order, more than once, to several runs", {
    timeout: 60_000,
  }, async () => {
    const delivery = fc.array(fc.record({ key: fc.integer(), twice: fc.boolean() }), {
      minLength: 60,
      maxLength: 60,
    });
    await fc.assert(
      fc.asyncProperty(calls, delivery, fc.integer({ min: 1, max: 9 }), async (made, order, size) => {
        await emptyTrail();
        const links = linksOfCalls(made);
        const sent = links
          .map((link, index) => ({ link, ...order[index % order.length] }))
          .flatMap(({ link, key = 0, twice }) => [{ link, key }, ...(twice ? [{ link, key: -key }] : [])])
          .sort((one, other) => one.key - other.key)
          .map(({ link }) => link);
        for (let start = 0; start < sent.length; start += size) {
          const part = sent.slice(start, start + size);
          // Two consumers get the same message, or its neighbours.
          if (start % 2 === 0) await Promise.all([storeLinks(env, part), storeLinks(env, part.slice(1))]);
          else await storeLinks(env, part);
        }
        for (const grain of ["total", "minute", "hour", "day"] as const) {
          expect(compact(sumCounts(await readSeries(env.PLATFORM_DB, { ...ALL, grain })))).toEqual(
            tally(made),
          );
        }
        for (const [dimension, keyOf] of [
          ["server", () => "crm"],
          ["person", ({ person }: Call) => person],
          ["app", ({ clientId }: Call) => clientId],
          ["operation", ({ name }: Call) => `tool crm ${name}`],
        ] as const) {
          const members = await readMembers(env.PLATFORM_DB, dimension, ALL, 100);
          const expected = [...Map.groupBy(made, keyOf)].map(([member, own]) => [member, tally(own)]);
          const found = members.map(({ member, ...counts }) => [member, compact(counts)]);
          expect(Object.fromEntries(found)).toEqual(Object.fromEntries(expected));
        }
        const errors = await readReasons(env.PLATFORM_DB, ["error"], ALL, 100);
        const failed = made.filter(({ end }) => ["not_found", "rate_limited", "forbidden"].includes(end));
        expect(Object.fromEntries(errors.map(({ name, count }) => [name, count]))).toEqual(
          Object.fromEntries(
            [...Map.groupBy(failed, ({ end }) => end)].map(([end, own]) => [end, own.length]),
          ),
        );
        const left = await env.PLATFORM_DB.prepare(
          "SELECT (SELECT count(*) FROM early_outcome) AS early, (SELECT count(*) FROM open_call) AS open",
        ).first();
        expect(left).toEqual({ early: 0, open: made.filter(({ end }) => end === "running").length });
        expect(await readCountLag(env.PLATFORM_DB, Date.now())).toEqual({ records: 0, ms: 0 });
      }),
      { numRuns: 15 },
    );
  });

  it("put each call into its minute, hour and day, and its duration under its bound", async () => {
    const call = { person: "user_a", name: "crm_move_deal", clientId: "app_1", end: "ok" as const };
    const made = [9, 10, 11, 200, 300_001].map((ms, index) => ({ ...call, ms, at: START + index * 10_000 }));
    await deliver(linksOfCalls(made));
    const minutes = await readSeries(env.PLATFORM_DB, { ...ALL, grain: "minute" });
    expect(
      minutes.map(({ at, calls: begun, ok }) => [new Date(at).toISOString().slice(11, 16), begun, ok]),
    ).toEqual([
      ["10:59", 3, 3],
      ["11:00", 2, 1],
      ["11:05", 0, 1],
    ]);
    const [day] = await readSeries(env.PLATFORM_DB, { ...ALL, grain: "day" });
    expect(day?.buckets).toEqual([2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    expect(findQuantile({ buckets: day?.buckets ?? [] }, 0.2)).toBe(5);
    expect(findQuantile({ buckets: day?.buckets ?? [] }, 0.99)).toBe(300_000);
    expect(findQuantile({ buckets: [] }, 0.5)).toBeNull();
  });

  it("keep nothing of a call whose event was removed, and nothing by the name of a person who was erased", async () => {
    const now = START + DAY_MS;
    const call = { name: "crm_move_deal", clientId: "app_1", ms: 1, end: "ok" as const };
    await deliver(
      linksOfCalls([
        { ...call, person: "user_old", at: now - 401 * DAY_MS },
        { ...call, person: "user_new", at: now - 1_000 },
        { ...call, person: "user_kept", at: now - 1_000 },
      ]),
    );
    await env.PLATFORM_DB.prepare("INSERT INTO erased_person VALUES ('user_new', 1)").run();
    await sweepRecords(env, bundledPolicy().retention, now);
    const { results } = await env.PLATFORM_DB.prepare(
      "SELECT word AS chain FROM call_entry JOIN trail_word ON trail_word.id = person",
    ).all();
    expect(results).toEqual([{ chain: "user_kept" }]);
    // What arrives of the erased person after that is counted among all calls alone.
    await env.PLATFORM_DB.prepare("DELETE FROM call_figure WHERE dimension = 'use'").run();
    await storeLinks(
      env,
      linksOfCalls([
        { ...call, person: "user_new", at: now },
        { ...call, person: "user_new", at: now },
      ]).slice(2),
    );
    expect(await readMembers(env.PLATFORM_DB, "person", ALL, 10)).toEqual([]);
  });

  it("by person and by app are sums of one row for both, by hour and by day, before and after a day is written", async () => {
    const calls = Array.from(
      { length: 120 },
      (_, index): Call => ({
        person: `user_${index % 7}`,
        name: "crm_move_deal",
        clientId: `app_${index % 5}`,
        at: START - 2 * DAY_MS + index * 30 * 60_000,
        ms: index,
        end: index % 4 === 0 ? "not_found" : "ok",
      }),
    );
    const links = linksOfCalls(calls);
    // The first day's last records come when its counts have been written.
    const isLate = ({ chain }: Link) => chain === "user_3";
    await storeLinks(
      env,
      links.filter((link) => !isLate(link)),
    );
    const expected = (of: "person" | "clientId", taken: readonly Call[]) => {
      const members = Map.groupBy(taken, (call) => call[of]);
      return [...members]
        .map(([member, own]) => [member, own.length, own.filter(({ end }) => end === "ok").length])
        .sort();
    };
    const read = async (dimension: "person" | "app", grain: "hour" | "day") =>
      (await readMembers(env.PLATFORM_DB, dimension, { ...ALL, grain }, 100))
        .map(({ member, calls: count, ok }) => [member, count, ok])
        .sort();
    const hold = async (taken: readonly Call[]) => {
      for (const grain of ["hour", "day"] as const) {
        expect(await read("person", grain)).toEqual(expected("person", taken));
        expect(await read("app", grain)).toEqual(expected("clientId", taken));
      }
    };
    const soon = calls.filter(({ person }) => person !== "user_3");
    await hold(soon);
    expect(await writeDays(env.PLATFORM_DB, START)).toBe(2);
    expect(await writeDays(env.PLATFORM_DB, START)).toBe(0);
    await hold(soon);
    await storeLinks(env, links.filter(isLate));
    await hold(calls);
    const first = { grain: "day", from: 0, to: START - 2 * DAY_MS + DAY_MS - (START % DAY_MS) } as const;
    const ofFirst = calls.filter(({ at }) => at < first.to);
    expect(
      (await readMembers(env.PLATFORM_DB, "app", first, 9))
        .map(({ member, calls: n }) => [member, n, 0])
        .sort(),
    ).toEqual(expected("clientId", ofFirst).map(([member, n]) => [member, n, 0]));
  });

  it("count what arrives for an empty day while the days after it are written", async () => {
    const first = START - (START % DAY_MS) - 4 * DAY_MS;
    const use = env.PLATFORM_DB.prepare(
      `INSERT INTO call_figure (grain, dimension, at, member, ${COUNTS.join(", ")})
       VALUES (${GRAINS.hour}, 'use', ?, 'user_a app_1', ${COUNTS.map(() => 1).join(", ")})`,
    );
    await env.PLATFORM_DB.prepare("UPDATE figure_days SET until = ?").bind(first).run();
    await use.bind(first + 3 * DAY_MS).run();
    let late: D1PreparedStatement | null = use.bind(first + DAY_MS);
    const database = {
      prepare: (sql: string) => env.PLATFORM_DB.prepare(sql),
      batch: async (statements: D1PreparedStatement[]) => {
        await late?.run();
        late = null;
        return await env.PLATFORM_DB.batch(statements);
      },
    } as unknown as D1Database;
    expect(await writeDays(database, START)).toBe(1);
    const days = { grain: "day", from: first, to: first + 4 * DAY_MS } as const;
    for (const dimension of ["person", "app"] as const) {
      const members = await readMembers(env.PLATFORM_DB, dimension, days, 9);
      expect(members.map(({ calls }) => calls)).toEqual([2]);
    }
  });

  it("go after their time: minutes and hours first, days with what they count", async () => {
    const call = { person: "user_a", name: "crm_move_deal", clientId: "app_1", ms: 1 };
    const daysAgo = (days: number) => START - days * DAY_MS;
    await deliver(
      linksOfCalls([
        { ...call, at: daysAgo(401), end: "ok" },
        { ...call, at: daysAgo(71), end: "deny" },
        { ...call, at: daysAgo(4), end: "ok" },
        { ...call, at: daysAgo(0), end: "ok" },
      ]),
    );
    const rules = { ...bundledPolicy().retention, denials_days: 30 };
    expect(await removeFigures(env.PLATFORM_DB, rules, START, 1_000)).toBeGreaterThan(0);
    const left = async (grain: "total" | "minute" | "hour" | "day") =>
      sumCounts(await readSeries(env.PLATFORM_DB, { ...ALL, grain }));
    expect([
      (await left("total")).calls,
      (await left("day")).calls,
      (await left("hour")).calls,
      (await left("minute")).calls,
    ]).toEqual([4, 3, 2, 1]);
    expect((await left("day")).denied).toBe(0);
    expect(await readReasons(env.PLATFORM_DB, ["denial"], { ...ALL, grain: "day" }, 9)).toEqual([]);
    expect(await removeFigures(env.PLATFORM_DB, rules, START, 1_000)).toBe(0);
  });

  it("begin with the oldest record of a trail that is there before them", async () => {
    const made = Array.from(
      { length: 2_500 },
      (_, index): Call => ({
        person: `user_${index % 7}`,
        name: "crm_move_deal",
        clientId: "app_1",
        at: START + index,
        ms: 5,
        end: "ok",
      }),
    );
    await insertIntoTable(linksOfCalls(made));
    expect((await readCountLag(env.PLATFORM_DB, START + 9_000)).records).toBe(5_000);
    const budget = { clock: () => 0, ms: 1, rounds: 2 };
    expect(await countRecords(env.PLATFORM_DB, budget)).toBe(true);
    expect(await countRecords(env.PLATFORM_DB)).toBe(false);
    expect((await readSeries(env.PLATFORM_DB, { ...ALL, grain: "day" })).map(({ ok }) => ok)).toEqual([
      2_500,
    ]);
  });

  it("know a call of the release before, which ends here, and keep the newest calls when there are too many", async () => {
    const call = { name: "crm_move_deal", clientId: "app_1", person: "user_a", end: "ok" as const };
    const made = [3, 2, 1, 0].map((days) => ({ ...call, ms: 7, at: START - days * DAY_MS }));
    const links = linksOfCalls(made);
    await env.PLATFORM_DB.prepare(
      `INSERT INTO trail_call (at, id, call_id, chain, sequence, trace_id, client_id, session_id, kind, server, name, decision, rule)
       VALUES (?, 1, 'call-0', 'user_a', 1, ?, 'app_1', 'session', 'tool', 'crm', 'crm_move_deal', 'allow', 'r')`,
    )
      .bind(START - 3 * DAY_MS, "0".repeat(31).concat("1"))
      .run();
    expect(await takeOverCalls(env.PLATFORM_DB)).toBe(1);
    await storeLinks(env, links.slice(1));
    const found = async () =>
      (await env.PLATFORM_DB.prepare("SELECT status, duration_ms AS ms FROM call_entry ORDER BY at").all())
        .results;
    expect(await found()).toEqual(made.map(() => ({ status: "ok", ms: 7 })));
    // The first one was counted by the release before.
    expect(await removeOldCalls(env.PLATFORM_DB, 3)).toBe(0);
    await removeOldCalls(env.PLATFORM_DB, 2);
    expect(await found()).toHaveLength(2);
  });
});
