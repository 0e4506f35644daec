import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, type MockInstance, vi } from "vitest";
import { countDeadLetters } from "../../scripts/audit/dead-letters.ts";
import { verifyExport } from "../../shared/audit/verify-export.ts";
import { askFor } from "../../shared/people/admin-requests.ts";
import { redriveDeadLetters } from "../../workers/audit-log/redrive.ts";
import { writeRecords } from "../../workers/audit-log/write-records.ts";
import { runAdminJobs } from "../../workers/gateway/admin-jobs/run-admin-jobs.ts";
import configuration from "../../wrangler.toml?raw";
import { exportTrail, intentOf, linksOf, storedOf, takenAt, withTrail } from "../audit/trail.ts";

const DEAD = "gatehouse-local-calls-dead";

/** Passes messages to the consumer as a queue does. Returns the ids of the messages to retry. */
async function consume(
  queue: string,
  bodies: Readonly<Record<string, unknown>>,
  on = env,
): Promise<string[]> {
  return (await consumeAfter(1, queue, bodies, on)).map(({ id }) => id);
}

/** The same with the number of deliveries; returns the seconds until each retry. */
async function consumeAfter(
  attempts: number,
  queue: string,
  bodies: Readonly<Record<string, unknown>>,
  on = env,
): Promise<{ id: string; delaySeconds: number }[]> {
  const retried = new Map<string, number>();
  const messages = Object.entries(bodies).map(([id, body]) => {
    const retry = ({ delaySeconds }: { delaySeconds: number }) => retried.set(id, delaySeconds);
    return { id, body, attempts, retry };
  });
  await writeRecords({ queue, messages } as unknown as MessageBatch, on);
  return [...retried].map(([id, delaySeconds]) => ({ id, delaySeconds }));
}

const letters = async () =>
  (
    await env.PLATFORM_DB.prepare(countDeadLetters()).all<{
      reason: string;
      letters: number;
      tries: number;
    }>()
  ).results;

const sequences = async (chain: string) => (await storedOf(chain)).map(({ sequence }) => sequence);

/** Three calls of a user that are in their object and not in the database. */
async function makeCalls(user: string) {
  await withTrail(user, (trail) => {
    for (let call = 0; call < 3; call += 1)
      trail.open(intentOf(user, `${user}-${call}`), call, takenAt(call));
  });
  return linksOf(user);
}

/** The environment during a database outage. */
const down = {
  ...env,
  PLATFORM_DB: { prepare: fail, batch: fail } as unknown as D1Database,
};
function fail(): never {
  throw new Error("D1_ERROR: the database is down");
}

beforeEach(async () => {
  await env.PLATFORM_DB.prepare("DELETE FROM dead_letter").run();
});

describe("a message that cannot be read", () => {
  it("is retried by itself, then stored with the reason, and delays no other", async () => {
    const links = await makeCalls("user_anna");
    const [first] = links;
    const poison = {
      nonsense: "nonsense",
      lie: [{ ...first, body: first?.body.replace('"at":0', '"at":1') }],
      other: [{ ...first, event: '{"type":"intent"}' }],
      fraction: [await forge(first?.body.replace('"at":0', '"at":0.5') ?? "")],
    };
    expect(await consume("gatehouse-local-calls", { good: links, ...poison })).toEqual(Object.keys(poison));
    expect(await sequences("user_anna")).toEqual([1, 2, 3]);
    expect(await letters()).toEqual([]);
    expect(await consume(DEAD, poison)).toEqual([]);
    expect(await letters()).toMatchObject([
      { letters: 3, reason: "Not a list of records: 0: is not the record that it says it is" },
      { letters: 1, reason: expect.stringContaining("expected array") },
    ]);
  });

  it("is stored once, and stays through every retry, which is counted", async () => {
    await consume(DEAD, { one: "nonsense" });
    await consume(DEAD, { one: "nonsense" });
    expect(await redriveDeadLetters(env, 10)).toEqual({ delivered: 0, unreadable: 1 });
    expect(await letters()).toMatchObject([{ letters: 1, tries: 1 }]);
  });
});

describe("delivering dead letters again", () => {
  it("writes letters that are readable by now, exactly once, and deletes the letter", async () => {
    const links = await makeCalls("user_bert");
    const keep =
      "INSERT INTO dead_letter (id, body, reason, at, tried_at) VALUES ('b', ?, 'an older release', 0, 0)";
    await env.PLATFORM_DB.prepare(keep).bind(JSON.stringify(links)).run();
    // Meanwhile the object sent a part again, as it does without a confirmation.
    await consume("gatehouse-local-calls", { again: links.slice(1) });
    await env.PLATFORM_DB.prepare(askFor("redrive", null, "npm run audit (tester)", "{}")).run();
    await runAdminJobs(env);
    expect(await sequences("user_bert")).toEqual([1, 2, 3]);
    expect(await letters()).toEqual([]);
    expect(await linksOf("user_bert")).toEqual([]);
    expect((await verifyExport(await exportTrail())).findings).toEqual([]);
  });

  it("tries those first with the oldest last attempt", async () => {
    const nonsense = Object.fromEntries(Array.from({ length: 35 }, (_, index) => [`n${index}`, index]));
    await consume(DEAD, nonsense);
    expect(await redriveDeadLetters(env, 20)).toEqual({ delivered: 0, unreadable: 20 });
    expect(await redriveDeadLetters(env, 15)).toEqual({ delivered: 0, unreadable: 15 });
    expect((await letters())[0]).toMatchObject({ letters: 35, tries: 1 });
  });
});

describe("a database outage", () => {
  it("loses nothing: queue, dead-letter queue and the object send again, and the chain is complete once", async () => {
    const links = await makeCalls("user_cleo");
    for (const queue of ["gatehouse-local-calls", DEAD]) {
      const bodies = { one: links.slice(0, 2), two: "nonsense" };
      expect((await consume(queue, bodies, down)).sort()).toEqual(["one", "two"]);
    }
    // Without a confirmation the object still has everything and sends it again.
    expect(await linksOf("user_cleo")).toHaveLength(3);
    await consume(DEAD, { one: links.slice(0, 2) });
    await consume("gatehouse-local-calls", { resent: links, twice: links });
    expect(await sequences("user_cleo")).toEqual([1, 2, 3]);
    expect(await linksOf("user_cleo")).toEqual([]);
    expect((await verifyExport(await exportTrail())).findings).toEqual([]);
  });
});

describe("a message that cannot be written", () => {
  let lines: MockInstance<typeof console.error>;
  beforeEach(() => {
    lines = vi.spyOn(console, "error").mockImplementation(() => {});
  });
  afterEach(() => lines.mockRestore());

  it.each([
    ["gatehouse-local-calls", 10, 600, 15],
    [DEAD, 60, 3_600, 90],
  ])(
    "comes again to %s after %i seconds, then later and later, %i at most, for %i hours",
    async (queue, first, longest, hours) => {
      const links = await makeCalls(`user_delays_${first}`);
      const delays: number[] = [];
      for (let attempts = 1; attempts <= 100; attempts += 1) {
        const [again] = await consumeAfter(attempts, queue, { one: links }, down);
        delays.push(again?.delaySeconds ?? 0);
      }
      expect(delays[0]).toBe(first);
      expect(Math.max(...delays)).toBe(longest);
      expect(delays).toEqual(delays.toSorted((a, b) => a - b));
      expect(delays.reduce((sum, delay) => sum + delay, 0)).toBeGreaterThan(hours * 3_600);
    },
  );

  it("is retried that often by the configuration of every environment", () => {
    const retries = [...configuration.matchAll(/max_retries = (\d+)/g)].map(([, number]) => Number(number));
    expect(retries).toEqual(Array.from({ length: 6 }, () => 100));
  });

  it("names the oldest record of the batch in the log", async () => {
    const links = await makeCalls("user_logged");
    await consume("gatehouse-local-calls", { one: links }, down);
    expect(lines.mock.calls.flat().join()).toMatch(
      /audit_records_not_written.*"chain":"user_logged","sequence":1/,
    );
  });

  it("is stored with the reason after five deliveries when it cannot be read", async () => {
    expect(await consumeAfter(5, "gatehouse-local-calls", { poison: "nonsense" })).toEqual([]);
    expect(await letters()).toMatchObject([{ letters: 1 }]);
  });
});

/** A link whose hash matches its body, for any body. */
async function forge(body: string) {
  const { digestText } = await import("../../shared/encoding/canonical-json.ts");
  return { chain: "user_anna", sequence: 1, body, hash: digestText(body) };
}
