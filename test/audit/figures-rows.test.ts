import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { countReads } from "../../scripts/bench/count-reads.ts";
import { countEvents } from "../../workers/audit-log/figures/count-events.ts";
import { countable } from "../../workers/audit-log/figures/countable.ts";
import { storeLinks } from "../../workers/audit-log/store-records.ts";
import { linksOfCalls } from "./links.ts";
import { deliver, emptyTrail } from "./trail.ts";

const START = Date.UTC(2026, 10, 29, 10, 59, 30);

beforeEach(emptyTrail);

describe("the counts of the trail, by their rows", () => {
  it("take six rows for a single call: of its operation by minute, hour, day and in all, its person's hour, and the day", async () => {
    const call = { person: "user_a", name: "crm_move_deal", clientId: "app_1", at: START, ms: 1 };
    await deliver(linksOfCalls([{ ...call, end: "ok" }]));
    const rows = env.PLATFORM_DB.prepare("SELECT count(*) AS rows FROM call_figure");
    expect(await rows.first("rows")).toBe(6);
  });

  it("are made without reading the whole trail", async () => {
    const call = { person: "user_a", name: "crm_move_deal", clientId: "app_1", at: START, ms: 1 };
    const ends = ["ok", "not_found", "running", "deny"] as const;
    const events = linksOfCalls(ends.map((end) => ({ ...call, end }))).map(
      ({ chain, sequence, body, event }, id) =>
        countable({ ...JSON.parse(body), id, chain, sequence }, JSON.parse(event ?? "")),
    );
    const scans: string[] = [];
    const explaining = {
      prepare: (sql: string) => env.PLATFORM_DB.prepare(`EXPLAIN QUERY PLAN ${sql}`),
    } as unknown as D1Database;
    for (const explained of countEvents(explaining, events, { before: null, digest: null })) {
      const { results } = await explained.all<{ detail: string }>();
      scans.push(
        ...results
          .map(({ detail }) => detail)
          .filter((detail) =>
            /^SCAN (record|audit_record|trail_call|trail_word|call_entry|open_call|begun|early|known)/.test(
              detail,
            ),
          ),
      );
    }
    expect(scans).toEqual([]);
  });

  it("take few rows of the database for a call, however many calls the person's day has", async () => {
    const call = { person: "user_a", name: "crm_move_deal", clientId: "app_1", ms: 1, end: "ok" as const };
    const links = linksOfCalls(
      Array.from({ length: 300 }, (_, index) => ({ ...call, at: START + index * 1_000 })),
    );
    const { db, take } = countReads(env.PLATFORM_DB);
    const store = async (from: number, until: number) => {
      await storeLinks({ ...env, PLATFORM_DB: db }, links.slice(2 * from, 2 * until));
      return take().rows / (until - from);
    };
    await store(0, 1);
    expect(await store(1, 65)).toBeLessThan(4);
    const early = await store(65, 66);
    for (let single = 66; single < 299; single += 1) await store(single, single + 1);
    expect(await store(299, 300)).toBe(early);
  });
});
