import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { countDeadLetters } from "../../scripts/audit/dead-letters.ts";
import { askFor } from "../../scripts/platform/requests.ts";
import { verifyExport } from "../../shared/audit/verify-export.ts";
import { redriveDeadLetters } from "../../workers/audit-log/redrive.ts";
import { writeRecords } from "../../workers/audit-log/write-records.ts";
import { runAdminJobs } from "../../workers/gateway/admin-jobs/run-admin-jobs.ts";
import { exportTrail, intentOf, linksOf, takenAt, withTrail } from "../audit/trail.ts";

const DEAD = "gatehouse-local-calls-dead";

/** Hands messages to the consumer as a queue would. Returns the ids of those that it wants to see again. */
async function consume(
  queue: string,
  bodies: Readonly<Record<string, unknown>>,
  on = env,
): Promise<string[]> {
  const retried: string[] = [];
  const messages = Object.entries(bodies).map(([id, body]) => ({ id, body, retry: () => retried.push(id) }));
  await writeRecords({ queue, messages } as unknown as MessageBatch, on);
  return retried;
}

const letters = async () =>
  (
    await env.PLATFORM_DB.prepare(countDeadLetters()).all<{
      reason: string;
      letters: number;
      tries: number;
    }>()
  ).results;

const sequences = async (chain: string) =>
  (
    await env.PLATFORM_DB.prepare("SELECT sequence FROM audit_record WHERE chain = ? ORDER BY sequence")
      .bind(chain)
      .all<{ sequence: number }>()
  ).results.map(({ sequence }) => sequence);

/** Three calls of a user, which their object has and the database does not. */
async function makeCalls(user: string) {
  await withTrail(user, (trail) => {
    for (let call = 0; call < 3; call += 1)
      trail.open(intentOf(user, `${user}-${call}`), call, takenAt(call));
  });
  return linksOf(user);
}

/** The environment with a database that is down. */
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
  it("is tried again by itself, then kept with the reason, and holds nobody up", async () => {
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

  it("is kept once, and stays through every new try, which is counted", async () => {
    await consume(DEAD, { one: "nonsense" });
    await consume(DEAD, { one: "nonsense" });
    expect(await redriveDeadLetters(env, 10)).toEqual({ delivered: 0, unreadable: 1 });
    expect(await letters()).toMatchObject([{ letters: 1, tries: 1 }]);
  });
});

describe("delivering dead letters again", () => {
  it("writes what can be read by now, exactly once, and forgets the letter", async () => {
    const links = await makeCalls("user_bert");
    const keep =
      "INSERT INTO dead_letter (id, body, reason, at, tried_at) VALUES ('b', ?, 'an older release', 0, 0)";
    await env.PLATFORM_DB.prepare(keep).bind(JSON.stringify(links)).run();
    // Meanwhile the object sent a part again, as it does with what nobody confirms.
    await consume("gatehouse-local-calls", { again: links.slice(1) });
    await env.PLATFORM_DB.prepare(askFor("redrive", null, "npm run audit (tester)", "{}")).run();
    await runAdminJobs(env);
    expect(await sequences("user_bert")).toEqual([1, 2, 3]);
    expect(await letters()).toEqual([]);
    expect(await linksOf("user_bert")).toEqual([]);
    expect((await verifyExport(await exportTrail())).findings).toEqual([]);
  });

  it("tries those first that nobody tried for longest", async () => {
    const nonsense = Object.fromEntries(Array.from({ length: 35 }, (_, index) => [`n${index}`, index]));
    await consume(DEAD, nonsense);
    expect(await redriveDeadLetters(env, 20)).toEqual({ delivered: 0, unreadable: 20 });
    expect(await redriveDeadLetters(env, 15)).toEqual({ delivered: 0, unreadable: 15 });
    expect((await letters())[0]).toMatchObject({ letters: 35, tries: 1 });
  });
});

describe("a database that is down for a while", () => {
  it("loses nothing: queue, dead-letter queue and the object send again, and the chain is complete once", async () => {
    const links = await makeCalls("user_cleo");
    for (const queue of ["gatehouse-local-calls", DEAD]) {
      await expect(consume(queue, { one: links.slice(0, 2), two: "nonsense" }, down)).rejects.toThrow("down");
    }
    // Nobody confirmed, so the object still has everything and sends it again.
    expect(await linksOf("user_cleo")).toHaveLength(3);
    await consume(DEAD, { one: links.slice(0, 2) });
    await consume("gatehouse-local-calls", { resent: links, twice: links });
    expect(await sequences("user_cleo")).toEqual([1, 2, 3]);
    expect(await linksOf("user_cleo")).toEqual([]);
    expect((await verifyExport(await exportTrail())).findings).toEqual([]);
  });
});

/** A link whose hash fits its body, whatever the body says. */
async function forge(body: string) {
  const { digestText } = await import("../../shared/encoding/canonical-json.ts");
  return { chain: "user_anna", sequence: 1, body, hash: digestText(body) };
}
