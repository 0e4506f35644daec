import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { removeOldCalls } from "../../workers/audit-log/figures/remove-calls.ts";
import { storeLinks } from "../../workers/audit-log/store-records.ts";
import { findCalls } from "../../workers/gateway/console/trail/find-calls.ts";
import { type Call, linkOf, linksOfCalls } from "./links.ts";
import { emptyTrail } from "./trail.ts";

const START = Date.UTC(2026, 10, 29, 10, 59, 30);
const DAY_MS = 86_400_000;

beforeEach(emptyTrail);

describe("a search for a trace", () => {
  it("finds the calls whose time is newer than that of many batches which arrived later", async () => {
    const trace = "6e".repeat(16);
    const call = {
      person: "user_a",
      name: "crm_move_deal",
      clientId: "app",
      at: START,
      ms: 1,
      end: "ok",
    } as const;
    await storeLinks(
      env,
      linksOfCalls([call]).map((link) => {
        const event = JSON.parse(link.event ?? "");
        if (event.type !== "intent") return link;
        return linkOf(link.chain, link.sequence, JSON.parse(link.body).at, { ...event, traceId: trace });
      }),
    );
    await env.PLATFORM_DB.prepare(
      `INSERT INTO trace_block (last, first, at, until, traces)
       WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150)
       SELECT 1000000 + i, 1000000 + i, ?1 - i, ?1 - i, unhex(?2) FROM n`,
    )
      .bind(START - DAY_MS, trace.slice(0, 8))
      .run();
    const filter = { person: "", trace, app: "", name: "", decision: "", status: "", from: null, to: null };
    const { calls, next } = await findCalls(env.PLATFORM_DB, filter, null);
    expect(calls.map(({ at }) => at)).toEqual([START]);
    // The rest is on a page of its own, and the pages end.
    expect(await findCalls(env.PLATFORM_DB, filter, next)).toEqual({
      calls: [],
      next: null,
      isPartial: false,
    });
  });

  it("finds the calls in every batch, each once, and no call of another trace that begins alike", async () => {
    const [trace, alike] = ["5f".repeat(16), `${"5f".repeat(15)}00`];
    const calls = Array.from(
      { length: 30 },
      (_, index): Call => ({
        person: `user_${index}`,
        name: "crm_move_deal",
        clientId: "app",
        at: START + index * 1_000,
        ms: 1,
        end: "ok",
      }),
    );
    const links = linksOfCalls(calls).map((link) => {
      const event = JSON.parse(link.event ?? "");
      if (event.type !== "intent") return link;
      const number = Number(link.chain.slice(5));
      const traceId = number % 3 === 0 ? trace : number % 3 === 1 ? alike : event.traceId;
      return linkOf(link.chain, link.sequence, JSON.parse(link.body).at, { ...event, traceId });
    });
    // Three batches whose times overlap.
    for (const turn of [0, 1, 2])
      await storeLinks(
        env,
        links.filter(({ chain }) => Math.floor(Number(chain.slice(5)) / 2) % 3 === turn),
      );
    const filter = { person: "", trace, app: "", name: "", decision: "", status: "", from: null, to: null };
    const found = await findCalls(env.PLATFORM_DB, filter, null);
    expect(found.calls.map(({ chain }) => chain)).toEqual(
      [27, 24, 21, 18, 15, 12, 9, 6, 3, 0].map((number) => `user_${number}`),
    );
    const [first, second] = [await findCalls(env.PLATFORM_DB, filter, null, 4), found.calls.slice(4, 8)];
    expect((await findCalls(env.PLATFORM_DB, filter, first.next, 4)).calls).toEqual(second);
    expect((await findCalls(env.PLATFORM_DB, { ...filter, trace: "0".repeat(32) }, null)).calls).toEqual([]);
    await removeOldCalls(env.PLATFORM_DB, 0);
    expect(await env.PLATFORM_DB.prepare("SELECT count(*) AS n FROM trace_block").first("n")).toBe(0);
  });
});
