import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, type MockInstance, vi } from "vitest";
import { askForSegments } from "../../scripts/platform/ask-for-segments.ts";
import type { Link } from "../../shared/audit/chain.ts";
import { verifyExport } from "../../shared/audit/verify-export.ts";
import { digestText } from "../../shared/encoding/canonical-json.ts";
import { bundledPolicy } from "../../shared/policy/bundled.ts";
import { feedSinks } from "../../workers/audit-log/feed-sinks.ts";
import { countRecords } from "../../workers/audit-log/figures/count-records.ts";
import { readMembers } from "../../workers/audit-log/figures/read-figures.ts";
import { moveRecords } from "../../workers/audit-log/move-records.ts";
import type { AuditSink } from "../../workers/audit-log/sinks/sink.ts";
import { storeLinks } from "../../workers/audit-log/store-records.ts";
import { sweepRecords } from "../../workers/audit-log/sweep-records.ts";
import { writeCheckpoints } from "../../workers/audit-log/write-checkpoints.ts";
import { writeRecords } from "../../workers/audit-log/write-records.ts";
import { app } from "../../workers/gateway/app.ts";
import { callsOf, type FixtureCall } from "./calls.ts";
import { DAY, RULES } from "./sweeps.ts";
import { deliver, emptyTrail, exportTrail, insertIntoTable, storedOf } from "./trail.ts";

const EVER = { grain: "total", from: 0, to: Number.MAX_SAFE_INTEGER } as const;
const once = { clock: () => 0, ms: 1, rounds: 1 };

const calls = (count: number, at: number): FixtureCall[] =>
  Array.from({ length: count }, (_, index) => ({ ms: 5, status: "ok", at: at + index * 1_000 }));

const placesOf = (links: readonly Pick<Link, "chain" | "sequence">[]) =>
  links.map(({ chain, sequence }) => `${chain}/${sequence}`);

/** Places of the records of an export, in its order. */
const exported = (lines: readonly string[]) =>
  lines.flatMap((line) => {
    const { record } = JSON.parse(line) as { record?: { chain: string; sequence: number } };
    return record === undefined ? [] : [`${record.chain}/${record.sequence}`];
  });

/** Whether every record is in the trail once, whole, found by the search once and counted once. */
async function expectOnce(links: readonly Link[]): Promise<void> {
  const lines = await exportTrail();
  expect((await verifyExport(lines)).findings).toEqual([]);
  expect(exported(lines)).toEqual(placesOf(links).toSorted(byPlace));
  const made = links.filter(({ event }) => event?.includes('"type":"intent"')).length;
  const found = await env.PLATFORM_DB.prepare("SELECT count(*) AS found FROM call_entry").first("found");
  expect(found).toBe(made);
  const members = await readMembers(env.PLATFORM_DB, "operation", EVER, 9);
  expect(members.reduce((sum, counts) => sum + counts.calls, 0)).toBe(made);
}

function byPlace(one: string, other: string): number {
  const [[a = "", m = ""], [b = "", n = ""]] = [one.split("/"), other.split("/")];
  return a === b ? Number(m) - Number(n) : a < b ? -1 : 1;
}

type Step = "put" | "index" | "answer of index" | "nothing";

/** The environment of a consumer that fails at a step: before it, or after it and before the consumer knows. */
function failingAt(step: Step): Env {
  const fail = () => Promise.reject(new Error(`killed at ${step}`));
  const batch = async (statements: D1PreparedStatement[]) => {
    const isIndex = statements.some((one) =>
      (one as unknown as { statement: string }).statement.includes("INTO audit_segment"),
    );
    if (isIndex && step === "index") return await fail();
    const results = await env.PLATFORM_DB.batch(statements);
    return isIndex && step === "answer of index" ? await fail() : results;
  };
  const prepare = (sql: string) => env.PLATFORM_DB.prepare(sql);
  return {
    ...env,
    PLATFORM_DB: { batch, prepare } as unknown as D1Database,
    ...(step === "put" && { AUDIT_SEGMENTS: { put: fail } as unknown as R2Bucket }),
  };
}

/** Gives messages to a consumer; says whether they come again. */
async function consume(messages: readonly (readonly Link[])[], on: Env): Promise<boolean> {
  let again = false;
  const given = messages.map((body) => ({
    ...{ id: "m", body, attempts: 1 },
    retry() {
      again = true;
    },
  }));
  await writeRecords({ queue: "test", messages: given } as unknown as MessageBatch, on);
  return again;
}

let errors: MockInstance<typeof console.error>;

beforeEach(async () => {
  await emptyTrail();
  errors = vi.spyOn(console, "error").mockImplementation(() => undefined);
});

afterEach(() => errors.mockRestore());

describe("records on their way into a segment", () => {
  it("are stored once when each step fails once, and are confirmed only after the last", async () => {
    const links = [...callsOf("user_a", calls(3, 1_000)), ...callsOf("user_b", calls(2, 1_500))];
    const confirmed: string[] = [];
    const watching = (on: Env): Env => ({
      ...on,
      PRINCIPAL: {
        idFromName: (name: string) => name,
        get: (name: string) => ({
          confirmStored: async () => void confirmed.push(name),
        }),
        getByName: (name: string) => ({
          confirmStored: async () => void confirmed.push(name),
        }),
      } as unknown as Env["PRINCIPAL"],
    });
    for (const step of ["put", "index", "answer of index"] as const) {
      expect(await consume([links], watching(failingAt(step))), step).toBe(true);
      expect(confirmed, step).toEqual([]);
    }
    expect(await consume([links], watching(env))).toBe(false);
    expect(confirmed.toSorted()).toEqual(["user_a", "user_b"]);
    await expectOnce(links);
  });

  it("are stored once in whatever company they come again, and to several consumers at a time", {
    timeout: 60_000,
  }, async () => {
    const delivery = fc.record({
      from: fc.nat(30),
      count: fc.integer({ min: 1, max: 20 }),
      other: fc.nat(30),
      fails: fc.constantFrom<Step>("put", "index", "answer of index", "nothing", "nothing"),
      beside: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(delivery, { minLength: 2, maxLength: 8 }), async (deliveries) => {
        await emptyTrail();
        const [ann, ben] = [callsOf("user_ann", calls(12, 1_000)), callsOf("user_ben", calls(15, 1_500))];
        for (const { from, count, other, fails, beside } of deliveries) {
          const [one, two] = [ann.slice(from, from + count), ben.slice(other, other + count)];
          await Promise.all([
            consume([one, two], failingAt(fails)),
            ...(beside ? [consume([two], env), consume([one.slice(1), two], env)] : []),
          ]);
        }
        await Promise.all([consume([ann], env), consume([ben, ann], env)]);
        await expectOnce([...ann, ...ben]);
      }),
      { numRuns: 8 },
    );
  });

  it("leave a stored record as it is when another one claims its place, and name the place", async () => {
    const links = callsOf("user_a", calls(1, 1_000));
    await storeLinks(env, links);
    const [other] = callsOf("user_a", calls(1, 1_000));
    await storeLinks(env, [other as Link]);
    expect(errors.mock.calls.flat().join()).toMatch(/audit_record_conflict.*"user_a","sequence":1/);
    await expectOnce(links);
  });
});

describe("the events of one person", () => {
  it("cannot be read by anyone after the erasure, and every other chain in the same segments verifies", async () => {
    const [gone, stays] = [callsOf("user_gone", calls(4, DAY)), callsOf("user_stays", calls(4, DAY))];
    await deliver(gone, stays);
    await writeCheckpoints(env);
    const secrets = "SELECT secret FROM audit_part WHERE chain = 'user_gone' AND secret IS NOT NULL";
    const { results: keys } = await env.PLATFORM_DB.prepare(secrets).all<{ secret: string }>();
    expect(keys.length).toBeGreaterThan(0);
    await env.PLATFORM_DB.prepare("INSERT INTO erased_person VALUES ('user_gone', 1)").run();
    await sweepRecords(env, RULES, 2 * DAY);
    expect((await env.PLATFORM_DB.prepare(secrets).all()).results).toEqual([]);
    const lines = await exportTrail();
    expect((await verifyExport(lines)).findings).toEqual([]);
    expect((await storedOf("user_gone")).map(({ event }) => event)).toEqual(gone.map(() => null));
    expect((await storedOf("user_stays")).map(({ event }) => event)).toEqual(stays.map(({ event }) => event));
    const found = await env.PLATFORM_DB.prepare(
      "SELECT DISTINCT word AS chain FROM call_entry JOIN trail_word ON trail_word.id = person",
    ).all();
    expect(found.results).toEqual([{ chain: "user_stays" }]);
    // The bytes are still there, and say nothing: the key is nowhere.
    const { objects } = await env.AUDIT_SEGMENTS.list();
    const bytes = await Promise.all(
      objects.map(async ({ key }) => {
        const object = await env.AUDIT_SEGMENTS.get(key);
        const unpacked = object?.body.pipeThrough(new DecompressionStream("gzip"));
        return await new Response(unpacked).text();
      }),
    );
    expect(bytes.join()).toContain("user_gone");
    for (const secret of ["crm_find_contacts", "traceId", ...keys.map((row) => row.secret)])
      expect(bytes.join()).not.toContain(secret);
  });

  it("go with their day, and a segment of which no record is left goes too", async () => {
    await env.AUDIT_SEGMENTS.delete((await env.AUDIT_SEGMENTS.list()).objects.map(({ key }) => key));
    const [ann, ben] = [
      callsOf("user_ann", [...calls(3, 0), ...calls(1, 50 * DAY)]),
      callsOf("user_ben", [...calls(3, 0), ...calls(1, 50 * DAY)]),
    ];
    await deliver(ann.slice(0, 6), ben.slice(0, 6));
    await deliver(ann.slice(6), ben.slice(6));
    await env.PLATFORM_DB.prepare(
      "INSERT INTO legal_hold (user_id, reason, at) VALUES ('user_ben', 'a claim', 0)",
    ).run();
    await sweepRecords(env, RULES, 41 * DAY);
    expect(placesOf(await storedOf("user_ann"))).toEqual(["user_ann/7", "user_ann/8"]);
    expect((await storedOf("user_ben")).every(({ event }) => event !== null)).toBe(true);
    expect((await env.AUDIT_SEGMENTS.list()).objects).toHaveLength(2);
    await env.PLATFORM_DB.prepare("UPDATE legal_hold SET released_at = 1").run();
    await sweepRecords(env, RULES, 41 * DAY);
    expect((await env.AUDIT_SEGMENTS.list()).objects).toHaveLength(1);
    expect((await verifyExport(await exportTrail())).findings).toEqual([]);
  });
});

/** A sink that keeps every record that it gets. */
function collect(): AuditSink & { got: string[] } {
  const got: string[] = [];
  return { name: "collector", got, write: async (_env, links) => void got.push(...placesOf(links)) };
}

describe("records of an earlier release", () => {
  it("move into segments with nothing lost, read everywhere before, meanwhile and after", async () => {
    const [ann, ben] = [callsOf("user_ann", calls(700, DAY)), callsOf("user_ben", calls(300, DAY))];
    const links = [...ann.slice(0, 400), ...ben, ...ann.slice(400)];
    await insertIntoTable(links);
    await env.PLATFORM_DB.prepare(
      "UPDATE figure_place SET through = (SELECT min(id) - 1 FROM audit_record)",
    ).run();
    // One event was removed before, lawfully.
    await env.PLATFORM_DB.prepare("INSERT INTO erased_person VALUES ('user_ben', 1)").run();
    await sweepRecords(env, bundledPolicy().retention, 2 * DAY);
    const before = (await exportTrail()).filter((line) => line.startsWith('{"line":"record"'));
    const sink = collect();
    // Nothing moves before it is counted, signed and copied.
    expect(await moveRecords({ ...env, AUDIT_ARCHIVE: undefined } as unknown as Env, once)).toBe(0);
    await countRecords(env.PLATFORM_DB);
    await writeCheckpoints(env);
    await feedSinks(env, [sink]);
    await feedSinks(env);
    let moved = 0;
    for (let more = true; more; ) {
      const count = await moveRecords(env, once);
      moved += count;
      more = count > 0;
      const after = (await exportTrail()).filter((line) => line.startsWith('{"line":"record"'));
      expect(after).toEqual(before);
    }
    expect(moved).toBe(before.length);
    expect(await env.PLATFORM_DB.prepare("SELECT 1 FROM audit_record").first()).toBeNull();
    // What comes after goes on from there.
    const late = callsOf("user_late", calls(3, 2 * DAY));
    await deliver(late);
    await writeCheckpoints(env);
    await feedSinks(env, [sink]);
    expect(sink.got.toSorted(byPlace)).toEqual(
      [...before.map((line) => exported([line])[0] ?? ""), ...placesOf(late)].toSorted(byPlace),
    );
    expect((await verifyExport(await exportTrail())).findings).toEqual([]);
    await sweepRecords(env, RULES, 100 * DAY);
    expect((await verifyExport(await exportTrail())).findings).toEqual([]);
    expect((await storedOf("user_ann")).every(({ event }) => event === null)).toBe(true);
  }, 60_000);

  it("move once, wherever the move is killed, and none is there twice", async () => {
    const links = callsOf("user_ann", calls(20, DAY));
    await insertIntoTable(links);
    await countRecords(env.PLATFORM_DB);
    await writeCheckpoints(env);
    await feedSinks(env);
    for (const step of ["put", "index", "answer of index"] as const) {
      await expect(moveRecords(failingAt(step), once), step).rejects.toThrow("killed");
      await expectOnce(links);
    }
    await moveRecords(env);
    expect(await env.PLATFORM_DB.prepare("SELECT 1 FROM audit_record").first()).toBeNull();
    await expectOnce(links);
  });

  it("that it stored while this one began are taken over, and stored once", async () => {
    const links = callsOf("user_ann", calls(6, DAY));
    await deliver(links.slice(0, 4));
    await insertIntoTable(links.slice(2));
    await moveRecords(env);
    expect(await env.PLATFORM_DB.prepare("SELECT 1 FROM audit_record").first()).toBeNull();
    await expectOnce(links);
  });
});

describe("a segment for a command", () => {
  it("is given for a ticket of the database, once, and to no one else", async () => {
    await deliver(callsOf("user_a", calls(1, 1_000)));
    const { objects } = await env.AUDIT_SEGMENTS.list();
    const digest = objects[0]?.key.split("/").at(-1) ?? "";
    const ticket = "ab".repeat(32);
    vi.stubGlobal("fetch", (url: URL, init: RequestInit) =>
      app.fetch(new Request(url, init), env, createExecutionContext()),
    );
    const give = () =>
      env.PLATFORM_DB.prepare("INSERT INTO connection_ticket VALUES (?, ?)")
        .bind(digestText(ticket), Date.now() + 60_000)
        .run();
    await expect(askForSegments(env.PUBLIC_URL, ticket, [digest])).rejects.toThrow("status 403");
    await give();
    const found = await askForSegments(env.PUBLIC_URL, ticket, [digest, "0".repeat(64)]);
    expect([...found.keys()]).toEqual([digest]);
    const stored = await env.AUDIT_SEGMENTS.get(objects[0]?.key ?? "");
    expect(found.get(digest)).toEqual(new Uint8Array((await stored?.arrayBuffer()) ?? []));
    await expect(askForSegments(env.PUBLIC_URL, ticket, [digest])).rejects.toThrow("status 403");
    await give();
    await expect(askForSegments(env.PUBLIC_URL, ticket, ["../media"])).rejects.toThrow("status 400");
    vi.unstubAllGlobals();
  });
});
