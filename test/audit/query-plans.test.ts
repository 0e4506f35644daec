import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { StoredTrail } from "../../shared/audit/read-stored.ts";
import { bundledPolicy } from "../../shared/policy/bundled.ts";
import { readCalls } from "../../shared/policy/changes/recorded-calls.ts";
import { checkStretch } from "../../workers/audit-log/check-stretch.ts";
import { feedSinks } from "../../workers/audit-log/feed-sinks.ts";
import { moveRecords } from "../../workers/audit-log/move-records.ts";
import { sweepRecords } from "../../workers/audit-log/sweep-records.ts";
import { trailSource } from "../../workers/audit-log/trail-source.ts";
import { writeCheckpoints } from "../../workers/audit-log/write-checkpoints.ts";
import { writeRecords } from "../../workers/audit-log/write-records.ts";
import { deliverAll, exportTrail, intentOf, linksOf, takenAt, withTrail } from "./trail.ts";

interface Statement {
  sql: string;
  values: unknown[];
}
const statements: Statement[] = [];
const rowsWritten: { sql: string; rows: number }[] = [];

/** The database, recording every statement and its number of written rows. */
function recordStatements(db: D1Database): D1Database {
  const kept = new Map<D1PreparedStatement, string>();
  return new Proxy(db, {
    get(target, property) {
      if (property === "batch") {
        return async (batch: D1PreparedStatement[]) => {
          const results = await target.batch(batch);
          for (const [index, { meta }] of results.entries()) {
            const statement = batch[index];
            if (statement) rowsWritten.push({ sql: kept.get(statement) ?? "", rows: meta.rows_written });
          }
          return results;
        };
      }
      if (property !== "prepare") return Reflect.get(target, property).bind(target);
      return (sql: string) => {
        const statement = target.prepare(sql);
        const bind = statement.bind.bind(statement);
        statement.bind = (...values: unknown[]) => {
          statements.push({ sql, values });
          const bound = bind(...values);
          kept.set(bound, sql);
          return bound;
        };
        return statement;
      };
    },
  });
}

beforeAll(async () => {
  const user = "user_of_plans";
  await withTrail(user, (trail) => {
    for (let call = 0; call < 30; call += 1) {
      trail.open(intentOf(user, `call-${call}`), call, takenAt(call));
      trail.close({ callId: `call-${call}`, status: "ok", durationMs: 1, bytes: 1 }, call);
    }
  });
  const recording = { ...env, PLATFORM_DB: recordStatements(env.PLATFORM_DB) };
  const messages = [{ id: "m", body: await linksOf(user), retry() {} }];
  await writeRecords({ queue: "test", messages } as unknown as MessageBatch, recording);
  await deliverAll(user);
  await writeCheckpoints(recording);
  await sweepRecords(recording, bundledPolicy().retention, Date.now());
  const source = trailSource(recording);
  const ask = async (sql: string) => {
    statements.push({ sql, values: [] });
    return await source.ask(sql);
  };
  await readCalls({ ...source, ask }, 1);
  await new StoredTrail({ ...source, ask }).readArrivals(0, 100);
  await checkStretch(recording, user);
  await feedSinks(recording, [{ name: "plans", write: async () => {} }]);
  await moveRecords(recording, { clock: () => 0, ms: 1, rounds: 1 });
});

describe("the statements of the audit trail", () => {
  it("write a row or two for many records, and few for all of them together", () => {
    const written = (part: string) =>
      rowsWritten.filter(({ sql }) => sql.includes(part)).reduce((sum, { rows }) => sum + rows, 0);
    // 60 records of one chain and day.
    expect(written("INTO audit_record")).toBe(0);
    expect(written("INTO audit_segment")).toBeLessThanOrEqual(2);
    expect(written("INTO audit_part")).toBeLessThanOrEqual(5);
    expect(written("INTO audit_span")).toBe(1);
    expect(written("INTO audit_last_use")).toBeLessThanOrEqual(1);
  });

  it("reach records through the chain, the arrival or the age, and never by reading all of them", async () => {
    const scans: string[] = [];
    const tables = /audit_(record|part|span|segment)/;
    for (const { sql, values } of statements.filter(({ sql: text }) => tables.test(text))) {
      const plan = await env.PLATFORM_DB.prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .bind(...values)
        .all<{ detail: string }>();
      for (const { detail } of plan.results) {
        if (/^SCAN (audit_(record|part|span|segment)|record|stored|part|own|segment)\b/.test(detail))
          scans.push(`${detail}: ${sql}`);
      }
    }
    expect(statements.length).toBeGreaterThan(10);
    // Chains that begin with empty records are read from their own small index, completely.
    expect(scans.filter((scan) => !scan.includes("INDEX audit_record_empty"))).toEqual([]);
    expect((await exportTrail()).length).toBeGreaterThan(1);
  });
});
