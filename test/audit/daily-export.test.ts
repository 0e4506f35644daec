import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { checkStatement } from "../../shared/audit/export-statement.ts";
import { verifyExport } from "../../shared/audit/verify-export.ts";
import { digestText } from "../../shared/encoding/canonical-json.ts";
import { writeDailyExport } from "../../workers/audit-log/daily-export.ts";
import { writeCheckpoints } from "../../workers/audit-log/write-checkpoints.ts";
import { deliver, emptyTrail, intentOf, linksOf, takenAt, withTrail } from "./trail.ts";

const HOUR_MS = 60 * 60_000;
const DAY_MS = 24 * HOUR_MS;
const DAY = Date.UTC(2026, 10, 28);
const FILE = "exports/2026-11-28.jsonl";

/** Chains records of a person at these moments. Returns what their object has to send. */
async function makeRecords(user: string, moments: readonly number[]) {
  await withTrail(user, (trail) => {
    for (const [call, at] of moments.entries())
      trail.open(intentOf(user, `${user}-${call}`), at, takenAt(at));
  });
  return await linksOf(user);
}

const read = async (key: string) => await (await env.AUDIT_ARCHIVE.get(key))?.text();
const list = async () => (await env.AUDIT_ARCHIVE.list({ prefix: "exports/" })).objects.map(({ key }) => key);

beforeEach(async () => {
  await emptyTrail();
  await env.AUDIT_ARCHIVE.delete(await list());
});

describe("the export of a day", () => {
  it("has the records of the day, verifies, and is signed as a whole", async () => {
    await deliver(await makeRecords("user_daily", [DAY - 1, DAY, DAY + DAY_MS - 1, DAY + DAY_MS]));
    await writeCheckpoints(env);
    expect(await writeDailyExport(env, DAY + DAY_MS + HOUR_MS)).toBe("none due");
    expect(await writeDailyExport(env, DAY + DAY_MS + 2 * HOUR_MS)).toBe("2026-11-28");
    expect(await list()).toEqual([FILE, `${FILE}.signed.json`]);
    const text = (await read(FILE)) ?? "";
    const verification = await verifyExport(text.trimEnd().split("\n"));
    expect(verification).toMatchObject({ records: 2, findings: [], unsigned: 0 });
    const statement = (await read(`${FILE}.signed.json`)) ?? "";
    const [keyId = ""] = verification.keyIds;
    expect(await checkStatement(statement, digestText(text), [keyId])).toMatchObject({
      statement: { from: DAY, to: DAY + DAY_MS - 1, records: 2 },
      keyId,
    });
    const other = digestText(text.replace("user_daily", "user_other"));
    expect(await checkStatement(statement, other, [])).toHaveProperty("fault");
    expect(await checkStatement(statement, digestText(text), ["0".repeat(16)])).toHaveProperty("fault");
    const forged = statement.replace('"records": 2', '"records": 1');
    expect(await checkStatement(forged, digestText(text), [])).toHaveProperty("fault");
  });

  it("follows the newest signed one, a day with each run, and none is written twice", async () => {
    await deliver(await makeRecords("user_days", [DAY, DAY + DAY_MS, DAY + 2 * DAY_MS]));
    await writeDailyExport(env, DAY + DAY_MS + 2 * HOUR_MS);
    const late = DAY + 3 * DAY_MS + 5 * HOUR_MS;
    expect(await writeDailyExport(env, late)).toBe("2026-11-29");
    expect(await writeDailyExport(env, late)).toBe("2026-11-30");
    expect(await writeDailyExport(env, late)).toBe("none due");
    expect(await list()).toHaveLength(6);
  });

  it("goes on after the newest signed one also when the job has paused for months", async () => {
    await deliver(await makeRecords("user_pause", [DAY, DAY + DAY_MS]));
    expect(await writeDailyExport(env, DAY + DAY_MS + 2 * HOUR_MS)).toBe("2026-11-28");
    expect(await writeDailyExport(env, DAY + 200 * DAY_MS)).toBe("2026-11-29");
    expect(await writeDailyExport(env, DAY + 200 * DAY_MS)).toBe("2026-11-30");
  });

  it("waits a day for records that are still on their way, and is written again without its signature", async () => {
    const links = await makeRecords("user_slow", [DAY, DAY + 1, DAY + 2]);
    await deliver([links[0], links[2]]);
    const soon = DAY + DAY_MS + 2 * HOUR_MS;
    expect(await writeDailyExport(env, soon)).toBe("2026-11-28 has gaps");
    await deliver([links[1]]);
    expect(await writeDailyExport(env, soon + HOUR_MS)).toBe("2026-11-28");
    await env.AUDIT_ARCHIVE.delete(`${FILE}.signed.json`);
    expect(await writeDailyExport(env, soon + HOUR_MS)).toBe("2026-11-28");
    expect(await list()).toHaveLength(2);
  });

  it("is one object and one hash also when it is uploaded in parts", async () => {
    await env.PLATFORM_DB.prepare(
      `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)
       INSERT INTO audit_record (chain, sequence, hash, body, salt, event)
       SELECT 'user_large', i, 'h', json_object('chain', 'user_large', 'sequence', i, 'at', ?1 + i), 's',
              json_object('type', 'sign_out', 'text', printf('%.*c', 15000, 'x')) FROM n`,
    )
      .bind(DAY)
      .run();
    await writeDailyExport(env, DAY + DAY_MS + 2 * HOUR_MS);
    const text = (await read(FILE)) ?? "";
    expect(text.length).toBeGreaterThan(2 * 8 * 1024 * 1024);
    const statement = (await read(`${FILE}.signed.json`)) ?? "";
    expect(await checkStatement(statement, digestText(text), [])).toMatchObject({
      statement: { records: 1_200 },
    });
  });

  it("is off without the archive", async () => {
    expect(await writeDailyExport({ ...env, AUDIT_ARCHIVE: undefined } as unknown as Env, DAY)).toBe("off");
  });
});
