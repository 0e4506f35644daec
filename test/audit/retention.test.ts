import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { formatSummary } from "../../scripts/audit/format.ts";
import type { ExportLine } from "../../shared/audit/export-line.ts";
import type { AuditEvent } from "../../shared/audit/record.ts";
import { verifyExport } from "../../shared/audit/verify-export.ts";
import { retentionSection } from "../../shared/policy/retention.ts";
import { sweepRecords } from "../../workers/audit-log/sweep-records.ts";
import { writeCheckpoints } from "../../workers/audit-log/write-checkpoints.ts";
import { deliver, deliverAll, exportTrail, intentOf, linksOf, takenAt, withTrail } from "./trail.ts";

const DAY = 24 * 60 * 60_000;
const RULES = retentionSection.parse({
  calls_days: 40,
  denials_days: 20,
  sign_ins_days: 10,
  changes_days: 90,
});

/** Every run has users of its own, whose objects have no state of earlier runs. */
let run = 0;
const nameOf = (user: string) => `${user}_${run}`;

async function empty(): Promise<void> {
  run += 1;
  await env.PLATFORM_DB.batch(
    [
      "audit_record",
      "audit_checkpoint",
      "audit_removal",
      "audit_cut",
      "audit_swept",
      "audit_last_use",
      "legal_hold",
      "erased_person",
    ].map((table) => env.PLATFORM_DB.prepare(`DELETE FROM ${table}`)),
  );
}

const SIGN_IN: AuditEvent = { type: "sign_in", succeeded: true, ip: "203.0.113.7", country: "DE" };

/** Records events of a user, each at its day, and delivers them to the database. */
async function record(user: string, events: readonly (readonly ["call" | "sign_in", number])[]) {
  const chain = nameOf(user);
  await withTrail(chain, (trail) => {
    for (const [kind, day] of events) {
      if (kind === "sign_in") trail.record(chain, SIGN_IN, day * DAY);
      else {
        const callId = crypto.randomUUID();
        trail.open(intentOf(chain, callId), day * DAY, takenAt(day * DAY));
        trail.close({ callId, status: "ok", durationMs: 1, bytes: 1 }, day * DAY);
      }
    }
  });
  await deliverAll(chain);
}

const hold = (user: string | null) =>
  env.PLATFORM_DB.prepare("INSERT INTO legal_hold (user_id, reason, at) VALUES (?, 'a claim', 0)")
    .bind(user === null ? null : nameOf(user))
    .run();
const release = () => env.PLATFORM_DB.prepare("UPDATE legal_hold SET released_at = 1").run();
const erase = (user: string) =>
  env.PLATFORM_DB.prepare("INSERT OR IGNORE INTO erased_person VALUES (?, 0)").bind(nameOf(user)).run();

const sweep = (day: number) => sweepRecords(env, RULES, day * DAY);

/** Inserts chains of intents of the first day, as the consumer writes them. */
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

/** The rows of a user in the database: sequence, type, and whether the event is present. */
async function stored(user: string): Promise<string[]> {
  const { results } = await env.PLATFORM_DB.prepare(
    "SELECT sequence, type, event IS NULL AS gone FROM audit_record WHERE chain = ? ORDER BY sequence",
  )
    .bind(nameOf(user))
    .all<{ sequence: number; type: string; gone: number }>();
  return results.map(({ sequence, type, gone }) => `${sequence} ${type}${gone ? " gone" : ""}`);
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
    for (const user of ["ida", "jon", "kim"]) expect(await stored(user)).toEqual(["6 outcome gone"]);
    expect(await verifyExport(await exportTrail())).toMatchObject({
      findings: [],
      removed: { statements: 2 },
    });
  });

  it("keeps the newest record of a chain, which continues from there", async () => {
    await record("bea", [["call", 0]]);
    await sweep(400);
    expect(await stored("bea")).toEqual(["2 outcome gone"]);
    await record("bea", [["call", 401]]);
    await sweep(500);
    expect(await stored("bea")).toEqual(["4 outcome gone"]);
    expect((await verifyExport(await exportTrail())).findings).toEqual([]);
  });

  it("removes nothing that is under hold, of one user or of all, and nothing when the policy holds", async () => {
    for (const user of ["cleo", "dora"]) await record(user, [["call", 0]]);
    await hold("cleo");
    await erase("cleo");
    await sweep(100);
    expect(await stored("cleo")).toEqual(["1 intent", "2 outcome"]);
    expect(await stored("dora")).toEqual(["2 outcome gone"]);
    await release();
    await hold(null);
    await record("dora", [["call", 1]]);
    await sweep(100);
    expect(await stored("cleo")).toEqual(["1 intent", "2 outcome"]);
    expect(await stored("dora")).toEqual(["2 outcome gone", "3 intent", "4 outcome"]);
    await release();
    await sweepRecords(env, { ...RULES, legal_hold: true }, 100 * DAY);
    expect(await stored("cleo")).toEqual(["1 intent", "2 outcome"]);
    await sweep(100);
    expect(await stored("cleo")).toEqual(["2 outcome gone"]);
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

  it("removes a thousand records at a time, and reports done after the last", async () => {
    await record(
      "fay",
      Array.from({ length: 2_200 }, (_, index) => ["sign_in", index % 2] as const),
    );
    for (let more = true; more; ) {
      await deliverAll(nameOf("fay"));
      more = (await linksOf(nameOf("fay"))).length > 0;
    }
    expect(await sweep(50)).toEqual({ emptied: 2_200, cut: 2_199, more: false });
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

type Step =
  | { do: "record"; user: string; kind: "call" | "sign_in" }
  | { do: "sweep" | "hold all" | "release" | "sign" }
  | { do: "erase" | "hold"; user: string };

const user = fc.constantFrom("ada", "bert");
const step: fc.Arbitrary<Step & { days: number }> = fc
  .tuple(
    fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          do: fc.constant("record" as const),
          user,
          kind: fc.constantFrom("call" as const, "sign_in" as const),
        }),
      },
      {
        weight: 4,
        arbitrary: fc.record({
          do: fc.constantFrom("sweep" as const, "sweep", "release", "hold all", "sign"),
        }),
      },
      { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("erase" as const, "hold"), user }) },
    ),
    fc.integer({ min: 0, max: 15 }),
  )
  .map(([what, days]) => ({ ...what, days }));

/** Runs the steps with the given days between them, and exports. */
async function play(steps: readonly (Step & { days: number })[]): Promise<string[]> {
  await empty();
  let day = 0;
  for (const { days, ...what } of steps) {
    day += days;
    if (what.do === "record") await record(what.user, [[what.kind, day]]);
    else if (what.do === "hold") await hold(what.user);
    else if (what.do === "erase") await erase(what.user);
    else if (what.do === "hold all") await hold(null);
    else if (what.do === "release") await release();
    else if (what.do === "sign") await writeCheckpoints(env);
    else await sweep(day);
  }
  await writeCheckpoints(env);
  return exportTrail();
}

/** Ways to tamper with one line of an export; `null` where the way does not apply to the line. */
const TAMPERINGS: Readonly<Record<string, (lines: string[], index: number) => string[] | null>> = {
  "takes the line out": (lines, index) => lines.toSpliced(index, 1),
  "writes the line twice": (lines, index) => lines.toSpliced(index, 0, lines[index] ?? ""),
  "swaps it with the next one": (lines, index) =>
    index + 2 >= lines.length
      ? null
      : lines.with(index, lines[index + 1] ?? "").with(index + 1, lines[index] ?? ""),
  "empties the event": change((line) => {
    if (line.line !== "record" || line.event === undefined) return false;
    delete line.event;
    delete line.salt;
    return true;
  }),
  "makes another event up": change((line) => {
    if (line.line !== "record") return false;
    line.salt = "made-up";
    line.event = { type: line.record.type, made: "up" } as unknown as AuditEvent;
    return true;
  }),
  "names another type": change(
    (line) => line.line === "record" && Object.assign(line.record, { type: "erasure" }) !== null,
  ),
  "lets a removal reach further": change((line) => {
    if (line.line !== "removal") return false;
    for (const chain of line.removal.chains) {
      chain.emptied.push([1, 1_000]);
      if (chain.cut) chain.cut.through += 1;
    }
    return true;
  }),
  "calls a removal an erasure": change((line) => {
    const [chain] = line.line === "removal" ? line.removal.chains : [];
    if (chain?.reason !== "retention") return false;
    chain.reason = "erasure";
    return true;
  }),
};

function change(edit: (line: ExportLine) => boolean) {
  return (lines: string[], index: number): string[] | null => {
    const line = JSON.parse(lines[index] ?? "") as ExportLine;
    return edit(line) ? lines.with(index, JSON.stringify(line)) : null;
  };
}

describe("after any sequence of records, holds, erasures and sweeps", () => {
  it("an honest export verifies, and any tampering with one of its lines is named", async () => {
    const tampered = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 6, maxLength: 16 }),
        fc.infiniteStream(fc.nat()),
        async (steps, numbers) => {
          const lines = await play(steps);
          expect((await verifyExport(lines)).findings).toEqual([]);
          for (const [name, tamper] of Object.entries(TAMPERINGS)) {
            // Neither the first nor the last line: these describe the file, and another test covers them.
            const index = 1 + ((numbers.next().value ?? 0) % (lines.length - 2));
            const changed = tamper(lines, index);
            if (changed === null) continue;
            const { findings } = await verifyExport(changed);
            expect(findings, `${name} (line ${index + 1})`).not.toEqual([]);
            tampered.set(name, (tampered.get(name) ?? 0) + 1);
          }
        },
      ),
      { numRuns: 40 },
    );
    // Each kind of tampering was applied at least once.
    expect([...tampered.keys()].sort()).toEqual(Object.keys(TAMPERINGS).sort());
  }, 120_000);
});
