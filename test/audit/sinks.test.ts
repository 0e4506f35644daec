import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { readExportLine } from "../../shared/audit/export-line.ts";
import { StoredTrail } from "../../shared/audit/read-stored.ts";
import { feedSinks } from "../../workers/audit-log/feed-sinks.ts";
import { readLags } from "../../workers/audit-log/sinks/cursor.ts";
import { r2Archive } from "../../workers/audit-log/sinks/r2-archive.ts";
import type { AuditSink } from "../../workers/audit-log/sinks/sink.ts";
import { trailSource } from "../../workers/audit-log/trail-source.ts";
import { app } from "../../workers/gateway/app.ts";
import { openAs, textOf } from "../gateway/waiting-call.ts";
import { deliverAll, emptyTrail, intentOf, linksOf, takenAt, withTrail } from "./trail.ts";

const HOUR_MS = 60 * 60_000;

/** `chain/sequence` of every stored record, in the order in which they were stored. */
async function listStored(): Promise<string[]> {
  const links = await new StoredTrail(trailSource(env)).readArrivals(0, Number.MAX_SAFE_INTEGER);
  return links.map(({ chain, sequence }) => `${chain}/${sequence}`);
}

let calls = 0;

/** Calls of a person, which their object has brought into the platform database and may forget. */
async function storeCalls(user: string, count: number): Promise<void> {
  await withTrail(user, (trail) => {
    for (let call = 0; call < count; call += 1) {
      calls += 1;
      trail.open(intentOf(user, `call ${calls}`), Date.now(), takenAt(Date.now()));
    }
  });
  await deliverAll(user);
}

/** Stores records as an earlier release did, one a minute from a moment on: more than one window quickly. */
async function insertRecords(count: number, from: number): Promise<void> {
  await env.PLATFORM_DB.prepare(
    `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
     INSERT INTO audit_record (chain, sequence, hash, body, salt, event)
     SELECT 'user_many', i + ?3, 'h', json_object('chain', 'user_many', 'sequence', i + ?3, 'at', ?2 + i * 60000), 's', '{"type":"sign_out"}'
       FROM n`,
  )
    .bind(count, from, calls)
    .run();
  calls += count;
}

/** A sink that keeps what it gets by window, as an idempotent receiver does, and does what it is told at each try. */
class FixtureSink implements AuditSink {
  readonly name = "fixture";
  readonly windows = new Map<string, string[]>();
  tries = 0;
  behave: (attempt: number) => Promise<void> = () => Promise.resolve();

  async write(_env: Env, links: Parameters<AuditSink["write"]>[1], window = ""): Promise<void> {
    this.tries += 1;
    await this.behave(this.tries);
    this.windows.set(
      window,
      links.map(({ chain, sequence }) => `${chain}/${sequence}`),
    );
  }

  get received(): string[] {
    return [...this.windows].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, places]) => places);
  }
}

/** The places of the records in a bucket, window by window, and the folders they are in. */
async function readArchive(): Promise<{ places: string[]; folders: string[] }> {
  const { objects } = await env.AUDIT_ARCHIVE.list({ prefix: "trail/" });
  const named = objects.map(({ key }) => ({ key, window: key.split("/").at(-1) ?? "" }));
  named.sort((a, b) => (a.window === b.window ? 0 : a.window < b.window ? -1 : 1));
  const places: string[] = [];
  for (const { key } of named) {
    const text = (await (await env.AUDIT_ARCHIVE.get(key))?.text()) ?? "";
    for (const line of text.split("\n").filter(Boolean)) {
      const { record } = JSON.parse(line) as { record: { chain: string; sequence: number } };
      places.push(`${record.chain}/${record.sequence}`);
    }
  }
  return {
    places,
    folders: [...new Set(objects.map(({ key }) => key.slice(0, key.lastIndexOf("/"))))],
  };
}

const passHour = () => vi.setSystemTime(Date.now() + HOUR_MS);

async function ready() {
  const request = new Request(new URL("/ready", env.PUBLIC_URL));
  const response = await app.fetch(request, { ...env }, createExecutionContext());
  return { status: response.status, body: await response.json<Record<string, unknown>>() };
}

async function empty(): Promise<void> {
  await emptyTrail();
  const { objects } = await env.AUDIT_ARCHIVE.list();
  await env.AUDIT_ARCHIVE.delete(objects.map(({ key }) => key));
}

beforeEach(async () => {
  await empty();
  vi.useFakeTimers({ toFake: ["Date"], now: Date.UTC(2026, 10, 29, 12) });
  vi.spyOn(console, "error").mockImplementation(() => undefined);
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe("a sink that hangs or fails", () => {
  it("holds neither the database nor the confirmation, and gets everything once and in order later", async () => {
    const sink = new FixtureSink();
    let stored = Promise.resolve();
    sink.behave = (attempt) => {
      // The trail goes on while the sink is at it.
      stored = storeCalls("user_goes_on", 2);
      return attempt % 2 === 0 ? Promise.reject(new Error("SIEM is away")) : new Promise(() => undefined);
    };
    await storeCalls("user_goes_on", 1);
    for (let attempt = 1; attempt <= 20; attempt += 1) {
      await feedSinks(env, [sink], 1);
      await stored;
      expect(await linksOf("user_goes_on")).toEqual([]);
      expect(await listStored()).toHaveLength(1 + attempt * 2);
      passHour();
    }
    expect(sink.tries).toBe(20);
    expect(sink.received).toEqual([]);
    const [lag] = await readLags(env.PLATFORM_DB, ["fixture"], Date.now());
    expect(lag).toEqual({ name: "fixture", failures: 20, lagMs: 20 * HOUR_MS, refused: 0 });

    sink.behave = () => Promise.resolve();
    await feedSinks(env, [sink]);
    expect(sink.received).toEqual(await listStored());
    expect(await readLags(env.PLATFORM_DB, ["fixture"], Date.now())).toEqual([
      { name: "fixture", failures: 0, lagMs: 0, refused: 0 },
    ]);
  });

  it("is tried again later and later, at most an hour apart", async () => {
    const sink = new FixtureSink();
    sink.behave = () => Promise.reject(new Error("away"));
    await storeCalls("user_waits", 1);
    const start = Date.now();
    const triedAt: number[] = [];
    for (let minute = 0; minute <= 130; minute += 1) {
      vi.setSystemTime(start + minute * 60_000);
      const before = sink.tries;
      await feedSinks(env, [sink]);
      if (sink.tries > before) triedAt.push(minute);
    }
    expect(triedAt).toEqual([0, 1, 3, 7, 15, 31, 63, 123]);
  });

  it("does not hold another sink", async () => {
    const [slow, quick] = [new FixtureSink(), new FixtureSink()];
    Object.assign(quick, { name: "quick" });
    slow.behave = () => new Promise(() => undefined);
    await storeCalls("user_both", 3);
    await feedSinks(env, [slow, quick], 1);
    expect(quick.received).toEqual(await listStored());
  });

  it("leaves Gatehouse ready, which says how far the sink is behind, as the overview does", async () => {
    const { browser } = await openAs("auditor");
    await storeCalls("user_ready", 1);
    vi.spyOn(env.AUDIT_ARCHIVE, "put").mockRejectedValue(new Error("R2 is away"));
    await feedSinks(env);
    vi.setSystemTime(Date.now() + 90_000);
    const { status, body } = await ready();
    expect(status).toBe(200);
    expect(body.audit_sinks).toEqual([{ name: "r2_archive", lag_seconds: 90, failures: 1 }]);
    const [, copies = ""] = (await textOf(browser.get("/console/overview"))).split("Copies of the trail");
    expect(copies).toMatch(/<code>r2_archive<\/code>.*>90 s behind <.*>failed once</);
  });
});

describe("a sink", () => {
  it("gets more than one window in one run, each record once", async () => {
    const sink = new FixtureSink();
    await insertRecords(2_500, Date.now());
    await feedSinks(env, [sink]);
    expect(sink.windows.size).toBe(5);
    expect(sink.received).toEqual(await listStored());
    await feedSinks(env, [sink]);
    expect(sink.tries).toBe(5);
  });

  it("is fed by one of two runs at the same time", async () => {
    const sink = new FixtureSink();
    await insertRecords(1_500, Date.now());
    await Promise.all([feedSinks(env, [sink]), feedSinks(env, [sink]), feedSinks(env, [sink])]);
    await feedSinks(env, [sink]);
    expect(sink.tries).toBe(3);
    expect(sink.received).toEqual(await listStored());
  });

  it("goes on after a run that died with its claim", async () => {
    const sink = new FixtureSink();
    await storeCalls("user_claimed", 2);
    await env.PLATFORM_DB.prepare("INSERT INTO audit_sink (name, claimed_to) VALUES ('fixture', ?)")
      .bind(Date.now() + 60_000)
      .run();
    await feedSinks(env, [sink]);
    expect(sink.tries).toBe(0);
    vi.setSystemTime(Date.now() + 60_000);
    await feedSinks(env, [sink]);
    expect(sink.received).toEqual(await listStored());
  });

  it("is off without what it needs", async () => {
    await storeCalls("user_off", 1);
    const without = { ...env, AUDIT_ARCHIVE: undefined } as unknown as Env;
    await feedSinks(without);
    expect(await env.PLATFORM_DB.prepare("SELECT name FROM audit_sink").first()).toBeNull();
    const request = new Request(new URL("/ready", env.PUBLIC_URL));
    const response = await app.fetch(request, without, createExecutionContext());
    expect(await response.json()).not.toHaveProperty("audit_sinks");
  });
});

describe("the archive in R2", () => {
  it("has the lines of an export by hour, and no event that was removed before", async () => {
    await insertRecords(90, Date.UTC(2026, 10, 29, 12));
    await env.PLATFORM_DB.prepare(
      "UPDATE audit_record SET event = NULL, salt = NULL WHERE at / 60000 % 2 = 0",
    ).run();
    await storeCalls("user_archived", 1);
    await feedSinks(env);
    const { places, folders } = await readArchive();
    expect(places.toSorted()).toEqual((await listStored()).toSorted());
    expect(folders).toEqual(["trail/2026-11-29/12", "trail/2026-11-29/13"]);
    const { objects } = await env.AUDIT_ARCHIVE.list({ prefix: "trail/2026-11-29/13" });
    const text = await (await env.AUDIT_ARCHIVE.get(objects[0]?.key ?? ""))?.text();
    for (const line of text?.trim().split("\n") ?? []) {
      const { record, event } = JSON.parse(line) as { record: { at: number }; event?: object };
      const minute = (record.at - Date.UTC(2026, 10, 29, 12)) / 60_000;
      expect(event === undefined).toBe(minute % 2 === 0);
    }
    const own = await env.AUDIT_ARCHIVE.list({ prefix: "trail/2026-11-29/12" });
    const texts = await Promise.all(
      own.objects.map(async ({ key }) => (await env.AUDIT_ARCHIVE.get(key))?.text()),
    );
    const lines = texts.join("").trim().split("\n");
    expect(lines.flatMap((line) => readExportLine(line) ?? [])).toMatchObject([
      { line: "record", record: { chain: "user_archived" }, event: { type: "intent" } },
    ]);
  });

  it("keeps what it has when a restored database gives the same numbers to other records", async () => {
    await insertRecords(3, Date.now());
    await feedSinks(env);
    const before = await listStored();
    // As at a moment after the first record was archived.
    await env.PLATFORM_DB.batch([
      env.PLATFORM_DB.prepare("DELETE FROM audit_record WHERE id > (SELECT min(id) FROM audit_record)"),
      env.PLATFORM_DB.prepare("UPDATE sqlite_sequence SET seq = (SELECT max(id) FROM audit_record)"),
      env.PLATFORM_DB.prepare("UPDATE audit_sink SET through = (SELECT max(id) FROM audit_record)"),
    ]);
    await insertRecords(2, Date.now());
    await feedSinks(env);
    const { places } = await readArchive();
    expect(places).toHaveLength(5);
    expect(places).toEqual(expect.arrayContaining([...before, ...(await listStored())]));
  });

  it("loses nothing and has nothing twice, wherever runs are killed", async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant("store" as const), count: fc.integer({ min: 1, max: 4 }) }),
      fc.record({ kind: fc.constant("remove" as const) }),
      fc.record({
        kind: fc.constant("feed" as const),
        killedAt: fc.constantFrom("nowhere", "first object", "second object", "place"),
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 12 }), async (steps) => {
        await empty();
        for (const action of steps) {
          vi.setSystemTime(Date.now() + 2 * HOUR_MS);
          if (action.kind === "store") await insertRecords(action.count, Date.now() + 58 * 60_000);
          if (action.kind === "remove") {
            // The oldest that the archive has: what is removed from the database stays in the archive.
            await env.PLATFORM_DB.prepare(
              "DELETE FROM audit_record WHERE id = (SELECT min(id) FROM audit_record) AND id <= (SELECT through FROM audit_sink)",
            ).run();
          }
          if (action.kind === "feed") await feedSinks(killedAt(action.killedAt));
        }
        vi.setSystemTime(Date.now() + 2 * HOUR_MS);
        await feedSinks(env);
        const { places } = await readArchive();
        expect(new Set(places).size).toBe(places.length);
        expect(places).toEqual(expect.arrayContaining(await listStored()));
      }),
      { numRuns: 12 },
    );
  });
});

/** The environment of a run that dies while it writes an object, or before it notes its place. */
function killedAt(place: "nowhere" | "first object" | "second object" | "place"): Env {
  if (place === "nowhere") return env;
  const die = () => {
    throw new Error("killed");
  };
  if (place === "place") {
    const prepare = (sql: string) => (sql.includes("SET through") ? die() : env.PLATFORM_DB.prepare(sql));
    return { ...env, PLATFORM_DB: { prepare } as unknown as D1Database };
  }
  let puts = 0;
  const put = (...object: Parameters<R2Bucket["put"]>) => {
    puts += 1;
    return puts === (place === "first object" ? 1 : 2)
      ? Promise.reject(new Error("killed"))
      : env.AUDIT_ARCHIVE.put(...object);
  };
  return { ...env, AUDIT_ARCHIVE: { put } as unknown as R2Bucket };
}

it("keeps its name, under which its place in the trail is stored", () => {
  expect(r2Archive.name).toBe("r2_archive");
});
