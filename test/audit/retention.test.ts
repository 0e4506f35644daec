import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { formatSummary } from "../../scripts/audit/format.ts";
import { verifyExport } from "../../shared/audit/verify-export.ts";
import { sweepRecords } from "../../workers/audit-log/sweep-records.ts";
import { DAY, empty, erase, hold, nameOf, RULES, record, release, SIGN_IN, stored, sweep } from "./sweeps.ts";
import { deliver, deliverAll, exportTrail, intentOf, linksOf, takenAt, withTrail } from "./trail.ts";

/** Inserts chains of intents of the first day, as an earlier release stored them. */
async function fillChains(chains: number, length: number): Promise<void> {
  await env.PLATFORM_DB.prepare(
    `WITH RECURSIVE place (chain, sequence) AS (
       SELECT 1, 1 UNION ALL
       SELECT iif(sequence < ?2, chain, chain + 1), iif(sequence < ?2, sequence + 1, 1)
         FROM place WHERE chain < ?1 OR sequence < ?2)
     INSERT INTO audit_record (chain, sequence, hash, body, salt, event)
     SELECT 'many_' || chain, sequence, hex(chain * 1000 + sequence),
            json_object('version', 2, 'chain', 'many_' || chain, 'sequence', sequence, 'at', 1, 'type', 'intent'),
            'salt', '{}' FROM place`,
  )
    .bind(chains, length)
    .run();
}

/** A clock that advances by a step with each reading. */
function tick(step: number): () => number {
  let now = 0;
  return () => {
    now += step;
    return now;
  };
}

beforeEach(empty);

describe("a sweep", () => {
  it("removes each kind after its period: events inside of a chain, whole records at its beginning", async () => {
    await record("ada", [
      ["call", 0],
      ["sign_in", 1],
      ["call", 5],
      ["sign_in", 20],
    ]);
    expect(await sweep(5)).toEqual({ emptied: 0, cut: 0, more: false });
    await sweep(12);
    expect(await stored("ada")).toEqual([
      "1 intent",
      "2 outcome",
      "3 sign_in gone",
      "4 intent",
      "5 outcome",
      "6 sign_in",
    ]);
    expect((await verifyExport(await exportTrail())).findings).toEqual([]);
    await sweep(41);
    expect(await stored("ada")).toEqual(["4 intent", "5 outcome", "6 sign_in gone"]);
    const verification = await verifyExport(await exportTrail());
    expect(verification).toMatchObject({ findings: [], removed: { statements: 3, events: 1, records: 3 } });
    expect(formatSummary(verification)).toContain("Removed lawfully, by 3 signed statements");
  });

  it("empties many chains at once, and stops when its time is used up", async () => {
    const [chains, length] = [300, 41];
    await fillChains(chains, length);
    const hurried = await sweepRecords(env, RULES, 100 * DAY, { clock: tick(60_000), ms: 1_000, rounds: 30 });
    expect(hurried).toEqual({ emptied: 5_000, cut: expect.any(Number), more: true });
    expect(hurried.cut).toBeLessThanOrEqual(5_000);
    const rest = await sweep(100);
    expect(rest.more).toBe(false);
    expect(hurried.emptied + rest.emptied).toBe(chains * length);
    const left = await env.PLATFORM_DB.prepare(
      "SELECT count(*) AS records, count(event) AS events FROM audit_record",
    ).first();
    expect(left).toEqual({ records: chains, events: 0 });
  });

  it("may run beside another one: both finish, and no removal is stated twice", async () => {
    for (const user of ["ida", "jon", "kim"])
      await record(
        user,
        [0, 1, 2].map((day) => ["call", day]),
      );
    const sweeps = await Promise.all([sweep(100), sweep(100), sweep(100)]);
    expect(sweeps.map(({ more }) => more)).toEqual([false, false, false]);
    expect(sweeps.reduce((sum, { emptied }) => sum + emptied, 0)).toBe(18);
    for (const user of ["ida", "jon", "kim"])
      expect(await stored(user)).toEqual(["5 intent gone", "6 outcome gone"]);
    expect(await verifyExport(await exportTrail())).toMatchObject({
      findings: [],
      removed: { statements: 2 },
    });
  });

  it("keeps the newest day of a chain, which continues from there", async () => {
    await record("bea", [["call", 0]]);
    await sweep(400);
    expect(await stored("bea")).toEqual(["1 intent gone", "2 outcome gone"]);
    await record("bea", [["call", 401]]);
    await sweep(500);
    expect(await stored("bea")).toEqual(["3 intent gone", "4 outcome gone"]);
    expect((await verifyExport(await exportTrail())).findings).toEqual([]);
  });

  it("removes nothing that is under hold, of one user or of all, and nothing when the policy holds", async () => {
    for (const user of ["cleo", "dora"]) await record(user, [["call", 0]]);
    await hold("cleo");
    await erase("cleo");
    await sweep(100);
    expect(await stored("cleo")).toEqual(["1 intent", "2 outcome"]);
    expect(await stored("dora")).toEqual(["1 intent gone", "2 outcome gone"]);
    await release();
    await hold(null);
    await record("dora", [["call", 1]]);
    await sweep(100);
    expect(await stored("cleo")).toEqual(["1 intent", "2 outcome"]);
    expect(await stored("dora")).toEqual(["1 intent gone", "2 outcome gone", "3 intent", "4 outcome"]);
    await release();
    await sweepRecords(env, { ...RULES, legal_hold: true }, 100 * DAY);
    expect(await stored("cleo")).toEqual(["1 intent", "2 outcome"]);
    await sweep(100);
    expect(await stored("cleo")).toEqual(["1 intent gone", "2 outcome gone"]);
    expect((await verifyExport(await exportTrail())).findings).toEqual([]);
  });

  it("does not restore a record that is delivered again after its removal", async () => {
    await withTrail(nameOf("emma"), (trail) => {
      for (const day of [0, 1, 60]) trail.record(nameOf("emma"), SIGN_IN, day * DAY);
    });
    const links = await linksOf(nameOf("emma"));
    await deliver(links);
    await sweep(50);
    await deliver(links);
    expect(await stored("emma")).toEqual(["3 sign_in"]);
    await sweep(80);
    await deliver(links);
    expect(await stored("emma")).toEqual(["3 sign_in gone"]);
  });

  it("finds the records of a call that arrive after the sweep passed their neighbours", async () => {
    const chain = nameOf("hana");
    await withTrail(chain, (trail) => {
      trail.record(chain, { type: "hold", userId: null, held: true, reason: "kept long", by: "test" }, 0);
      for (const day of [0, 1, 45]) {
        trail.open(intentOf(chain, `call-${day}`), day * DAY, takenAt(day * DAY));
        trail.close({ callId: `call-${day}`, status: "ok", durationMs: 1, bytes: 1 }, day * DAY);
      }
    });
    const links = await linksOf(chain);
    const late = [2, 3];
    await deliver(links.filter(({ sequence }) => !late.includes(sequence)));
    for (let again = 0; again < 2; again += 1) await sweep(50);
    await deliver(links.filter(({ sequence }) => late.includes(sequence)));
    await sweep(50);
    expect(await stored("hana")).toEqual([
      "1 hold",
      "2 intent gone",
      "3 outcome gone",
      "4 intent gone",
      "5 outcome gone",
      "6 intent",
      "7 outcome",
    ]);
    expect((await verifyExport(await exportTrail())).findings).toEqual([]);
  });

  it("removes thousands of records of one person, and reports done after the last", async () => {
    await record(
      "fay",
      Array.from({ length: 2_200 }, (_, index) => ["sign_in", Math.floor(index / 1_100)] as const),
    );
    for (let more = true; more; ) {
      await deliverAll(nameOf("fay"));
      more = (await linksOf(nameOf("fay"))).length > 0;
    }
    expect(await sweep(50)).toEqual({ emptied: 2_200, cut: 1_100, more: false });
    expect(await sweep(50)).toEqual({ emptied: 0, cut: 0, more: false });
    expect((await verifyExport(await exportTrail())).findings).toEqual([]);
  }, 60_000);

  it("leaves records of the previous format until all events of their age are gone", async () => {
    const { canonicalize, digestText } = await import("../../shared/encoding/canonical-json.ts");
    const chain = nameOf("gina");
    const body = canonicalize({
      version: 1,
      chain,
      sequence: 1,
      previous: "0".repeat(64),
      at: 0,
      event: SIGN_IN,
    });
    await deliver([{ chain, sequence: 1, body, hash: digestText(body) }]);
    await sweep(91);
    expect(await stored("gina")).toHaveLength(1);
    expect((await verifyExport(await exportTrail())).findings).toEqual([]);
  });
});
