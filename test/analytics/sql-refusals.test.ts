import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { ToolError } from "../../shared/call/tool-error.ts";
import { openAnalyticsStore } from "../../workers/analytics/store.ts";
import { openSession, type TestSession } from "../support/session.ts";
import { disguisedWrites } from "./disguises.ts";
import { loadShop } from "./shop.ts";

let session: TestSession;
let untouched: unknown;

beforeAll(async () => {
  await loadShop(500, 60);
  session = await openSession({ server: "analytics", lane: "stateless" });
  untouched = await fingerprint();
});

/**
 * Everything that a statement could change. The engine's own change counter also includes D1's bookkeeping.
 */
async function fingerprint(): Promise<unknown> {
  const db = env.ANALYTICS_DB;
  const [rows, schema, totals] = await db.batch([
    db.prepare("SELECT count(*), sum(id), sum(amount_cents), max(occurred_at) FROM events"),
    db.prepare("SELECT type, name, sql FROM sqlite_master ORDER BY name"),
    db.prepare("SELECT count(*), sum(events), sum(amount_cents) FROM daily_totals"),
  ]);
  return [rows?.results, schema?.results, totals?.results];
}

async function refusal(sql: string, params: unknown[] = []) {
  const answer = await session.call("analytics_sql", { sql, params });
  expect(answer.isError, `ran: ${sql}`).toBe(true);
  return answer.error;
}

describe("a statement that could change anything is refused", () => {
  it.each([
    "DELETE FROM events",
    "INSERT INTO events (id) VALUES (1)",
    "UPDATE events SET amount_cents = 0",
    "REPLACE INTO events (id) VALUES (1)",
    "DROP TABLE events",
    "CREATE TABLE t (a)",
    "CREATE TEMP TABLE t (a)",
    "CREATE VIEW v AS SELECT 1",
    "CREATE TRIGGER t AFTER INSERT ON events BEGIN SELECT 1; END",
    "CREATE INDEX i ON events (id)",
    "ALTER TABLE events RENAME TO x",
    "REINDEX",
    "ANALYZE",
    "VACUUM",
    "VACUUM INTO '/tmp/stolen.db'",
    "PRAGMA writable_schema = 1",
    "PRAGMA user_version = 7",
    "PRAGMA table_info(events)",
    "ATTACH DATABASE ':memory:' AS other",
    "DETACH DATABASE main",
    "BEGIN",
    "COMMIT",
    "SAVEPOINT s",
    "EXPLAIN DELETE FROM events",
    "EXPLAIN SELECT 1",
    "EXPLAIN QUERY PLAN SELECT 1",
    "WITH x AS (SELECT 1) DELETE FROM events",
    "WITH x AS (SELECT 1) DELETE FROM events RETURNING *",
    "WITH x AS (SELECT 1) INSERT INTO events (id) SELECT * FROM x",
    "WITH x AS (SELECT 1) UPDATE events SET amount_cents = 1 WHERE id IN (SELECT * FROM x) RETURNING id",
    "WITH x AS (SELECT 1) REPLACE INTO events (id) SELECT * FROM x",
    "WITH x AS (DELETE FROM events RETURNING *) SELECT * FROM x",
    "SELECT * FROM (DELETE FROM events RETURNING *)",
    "SELECT 1; DELETE FROM events",
    "SELECT 1;; DELETE FROM events",
    "SELECT 1;/* */DELETE FROM events",
    "SELECT 1;--\nDELETE FROM events",
    "SELECT ';'; DELETE FROM events",
    'SELECT 1 AS ";"; DELETE FROM events',
    "SELECT 1 AS [;]; DELETE FROM events",
    "SELECT 1 AS `;`; DELETE FROM events",
    "SELECT 'it''s'; DELETE FROM events",
    "SELECT 1 /* ; */ ; DELETE FROM events",
    "SELECT 1 -- ;\n; DELETE FROM events",
    "SELECT 1 /* -- */ ; DELETE FROM events",
    "/* SELECT */ DELETE FROM events",
    "-- SELECT\nDELETE FROM events",
    "SELECT 1) ; DELETE FROM events ; SELECT * FROM (SELECT 1",
    "SELECT 1) UNION SELECT 1 FROM (SELECT 1",
    "SELECT 1 FROM events) LIMIT 1; DELETE FROM events; --",
    "SELECT 1 FROM events) -- ",
    "SELECT 1 /*",
    "SELECT $a(';DELETE FROM events--)",
    "SELECT @a; DELETE FROM events",
    "SELECT load_extension('evil')",
    "SELECT writefile('/tmp/x', 'y')",
    "SELECT readfile('/etc/passwd')",
    "SELECT fts3_tokenizer('simple')",
    "\uFEFFDELETE FROM events",
    "ＤＥＬＥＴＥ FROM events",
    "\u00a0DELETE FROM events",
    "SELECT 1\u0000; DELETE FROM events",
    "SELECT 1\u000b; DELETE FROM events",
    "\ud800 SELECT 1",
    "SELECT 1\\; DELETE FROM events",
    "",
    ";",
    "   ",
    "-- nothing",
    "()",
    "(SELECT 1)",
  ])("%j", async (sql) => {
    const error = await refusal(sql);
    expect(["invalid_input", "forbidden"]).toContain(error?.code);
    expect(await fingerprint()).toEqual(untouched);
  });

  it("in any generated disguise", async () => {
    const store = openAnalyticsStore(env.ANALYTICS_DB);
    const signal = new AbortController().signal;
    await fc.assert(
      fc.asyncProperty(disguisedWrites, async (sql) => {
        await expect(store.query(sql, [], 10, signal), `ran: ${sql}`).rejects.toBeInstanceOf(ToolError);
      }),
      { numRuns: 300 },
    );
    expect(await fingerprint()).toEqual(untouched);
  });

  it("and random text gives one of our own errors, never the engine's", async () => {
    const store = openAnalyticsStore(env.ANALYTICS_DB);
    const signal = new AbortController().signal;
    const pieces = fc.constantFrom(
      "(",
      ")",
      ",",
      "'",
      '"',
      "`",
      "[",
      "]",
      "--",
      "/*",
      "*/",
      ";",
      "SELECT",
      "1",
      "FROM",
      "events",
      "?",
      " ",
      "\n",
      "WITH",
      "AS",
      "*",
    );
    const noise = fc
      .array(fc.oneof(pieces, fc.string({ maxLength: 4 })), { maxLength: 14 })
      .map((parts) => `SELECT ${parts.join(" ")}`);
    await fc.assert(
      fc.asyncProperty(noise, async (sql) => {
        await store
          .query(sql, [], 5, signal)
          .catch((failure: unknown) => expect(failure).toBeInstanceOf(ToolError));
      }),
      { numRuns: 300 },
    );
    expect(await fingerprint()).toEqual(untouched);
  });
});

describe("a table that is not offered cannot be read", () => {
  it.each([
    "SELECT * FROM sqlite_master",
    "SELECT * FROM sqlite_schema",
    "SELECT * FROM main.sqlite_master",
    "SELECT * FROM temp.sqlite_master",
    "SELECT * FROM 'sqlite_master'",
    'SELECT * FROM "sqlite_master"',
    "SELECT * FROM [sqlite_master]",
    "SELECT * FROM SQLite_Master",
    "SELECT (SELECT sql FROM sqlite_master LIMIT 1) FROM events",
    "SELECT 1 FROM events WHERE EXISTS (SELECT 1 FROM sqlite_master)",
    "WITH s AS (SELECT * FROM sqlite_master) SELECT count(*) FROM s",
    "SELECT * FROM d1_migrations",
    "SELECT * FROM _cf_METADATA",
    "SELECT * FROM _cf_KV",
    "SELECT * FROM dimension_members",
    "SELECT * FROM pragma_table_info('events')",
    "SELECT * FROM 'pragma_table_info'('events')",
    "SELECT * FROM pragma_database_list",
    "SELECT * FROM pragma_table_list",
    "SELECT * FROM contacts",
  ])("%s", async (sql) => {
    expect(["invalid_input", "forbidden"]).toContain((await refusal(sql))?.code);
  });
});

describe("a statement that would not end is refused before it begins", () => {
  it.each([
    "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r",
    "WITH r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n FROM r LIMIT 5",
    "SELECT (WITH RECURSIVE r(n) AS (SELECT 1 UNION SELECT n + 1 FROM r) SELECT max(n) FROM r)",
    "SELECT count(*) FROM calendar a, calendar b",
    "SELECT count(*) FROM calendar a, calendar b, calendar c",
    "SELECT count(*) FROM calendar AS [a b] CROSS JOIN calendar AS 'c d'",
    "SELECT count(*) FROM (SELECT day FROM calendar) a, (SELECT day FROM calendar) b",
    "SELECT count(*) FROM calendar a WHERE EXISTS (SELECT 1 FROM calendar b, us_employment c WHERE b.weekday <> a.weekday AND c.jobs > b.year)",
    "WITH a AS MATERIALIZED (SELECT day FROM calendar), b AS MATERIALIZED (SELECT day FROM calendar) SELECT count(*) FROM a, b",
    "SELECT sum(length(randomblob(1000000))) FROM events",
    "SELECT zeroblob(2000000000)",
    "SELECT count(*) FROM (SELECT rowid FROM events LIMIT 120) WHERE instr(printf('%.*c',100000,'a'),printf('%.*c',50000,'a')||rowid||'b')>0",
    "SELECT DISTINCT printf('%.*c', 100000, 'a') || id FROM events",
    "SELECT count(DISTINCT printf('%50000d', id)) FROM events",
    "SELECT id FROM events ORDER BY [format]('%.50000f', id)",
    "SELECT \"printf\"(kind || '%d', id) FROM events",
    "SELECT json_pretty(json_array(kind)) FROM events",
    "WITH a AS (SELECT id, kind||kind||kind||kind AS t FROM events), b AS (SELECT id, t||t||t||t AS t FROM a), c AS (SELECT id, t||t||t||t AS t FROM b), d AS (SELECT id, t||t||t||t AS t FROM c) SELECT count(DISTINCT t||id) FROM d",
    "SELECT count(*) FROM events WHERE replace(hex(hex(hex(product))), 'a', hex(product)) LIKE '%a%b%'",
    `SELECT count(*) FROM events WHERE instr('${"a".repeat(4_500)}', '${"a".repeat(2_000)}' || id) > 0`,
  ])("%s", async (sql) => {
    const error = await refusal(sql);
    expect(["invalid_input", "forbidden"]).toContain(error?.code);
  });
});

describe("mistakes are answered with a correction", () => {
  it.each<[string, string, string]>([
    ["SELECT amount FROM events", 'There is no column "amount".', "events.amount_cents"],
    ["SELECT e.contry FROM events e", 'There is no column "e.contry".', "events.country"],
    ["SELECT * FROM orders", 'There is no table "orders".', "events, daily_totals"],
    ["SELECT median(amount_cents) FROM events", "median", "SQLite"],
    ["SELECT day FROM calendar JOIN daily_totals", 'The column "day" is in several tables.', "SQLite"],
    ["SELECT count(* FROM events", 'A "(" is never closed.', "SELECT"],
    ["SELECT FROM events", 'near "FROM"', "SQLite"],
    ["SELECT 'a", "never closed", "SELECT"],
    ["SELECT :name", "The parameter :name is not supported.", "?1"],
    ["SELECT 1 UNION SELECT 1, 2", "different columns", "SQLite"],
    ["SELECT ?, ?", "The statement has 2 parameters, but 0 were given.", ""],
    ["SELECT ?101", "from ?1 to ?100", ""],
    [`SELECT ${"1,".repeat(80)}1`, "81 columns", ""],
  ])("%s", async (sql, message, action) => {
    const error = await refusal(sql);
    expect(error?.code).toBe("invalid_input");
    expect(error?.message).toContain(message);
    expect(error?.suggested_action).toContain(action);
  });
});
