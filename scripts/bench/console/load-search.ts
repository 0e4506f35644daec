import { readdir } from "node:fs/promises";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { BUCKETS, COUNTS, GRAINS } from "../../../workers/audit-log/figures/grains.ts";

/** Calls of one batch, which has one block of traces. */
const BLOCK = 250;
const DAY_MS = 86_400_000;

/** A number from 0 to before `most`, which the number `n` of a call and `salt` name. */
const mixed = (salt: number, most: string) =>
  `abs(((n * 2654435761 + ${salt}) * 40503 % 2147483647) % ${most})`;

/**
 * Adds calls to what is searched by and counted, below the oldest that is there: rows and counts as the consumer makes
 * them, without records. They are spread over `days`. Only while nothing runs on the storage.
 */
export async function loadSearch(folder: string, calls: number, days: number): Promise<void> {
  const database = new DatabaseSync(await findPlatform(folder));
  try {
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA cache_size = -200000");
    // Arrival numbers below those that are there.
    const { oldest, lowest } = database
      .prepare("SELECT min(at) AS oldest, min(id) AS lowest FROM call_entry")
      .get() as { oldest: number; lowest: number };
    const begin = Math.floor((oldest - days * DAY_MS) / DAY_MS) * DAY_MS;
    const step = (oldest - begin) / calls;
    database.exec("CREATE TEMP TABLE people AS SELECT DISTINCT person AS id FROM call_entry");
    database.exec("CREATE TEMP TABLE apps AS SELECT DISTINCT app AS id FROM call_entry");
    database.exec("CREATE TEMP TABLE operations AS SELECT DISTINCT operation AS id FROM call_entry");
    const pick = (table: string, salt: number) =>
      `(SELECT id FROM temp.${table} WHERE rowid = 1 + ${mixed(salt, `(SELECT count(*) FROM temp.${table})`)})`;
    const rule = "(SELECT rule FROM call_entry ORDER BY at DESC LIMIT 1)";
    const insert = database.prepare(`
      INSERT INTO call_entry (at, id, call_id, person, sequence, trace, session, app, operation, decision, rule, status, error, duration_ms)
      WITH RECURSIVE number (n) AS (SELECT ?1 UNION ALL SELECT n + 1 FROM number WHERE n + 1 < ?2)
      SELECT ${begin} + CAST(n * ${step} AS INTEGER), ${lowest - calls} + n, randomblob(16), ${pick("people", 1)}, 2 * n + 1,
             randomblob(16), NULL, ${pick("apps", 7)}, ${pick("operations", 13)},
             CASE ${mixed(3, "100")} WHEN 0 THEN 'scope' WHEN 1 THEN 'deny' WHEN 2 THEN 'deny' ELSE 'allow' END, ${rule},
             CASE ${mixed(3, "100")} WHEN 0 THEN 'denied' WHEN 1 THEN 'denied' WHEN 2 THEN 'denied' WHEN 3 THEN 'failed'
                  WHEN 4 THEN 'failed' WHEN 5 THEN 'limited' WHEN 6 THEN 'waiting' ELSE 'ok' END,
             NULL, ${mixed(17, "900")} FROM number`);
    for (let from = 0; from < calls; from += 250_000) insert.run(from, Math.min(from + 250_000, calls));
    database.exec(`
      INSERT INTO trace_block (last, first, at, until, traces)
      SELECT max(id), min(id), min(at), max(at), unhex(group_concat(hex(substr(trace, 1, 4)), ''))
        FROM call_entry WHERE id < ${lowest} GROUP BY id / ${BLOCK}`);
    const zero = Object.fromEntries(COUNTS.map((name) => [name, "0"]));
    const sums: Record<string, string> = {
      ...zero,
      calls: "count(*)",
      ok: "sum(status = 'ok')",
      failed: "sum(status = 'failed')",
      denied: "sum(status = 'denied')",
      limited: "sum(status = 'limited')",
      waiting: "sum(status = 'waiting')",
      duration_ms: "sum(iif(status IN ('ok', 'failed'), duration_ms, 0))",
      [BUCKETS[6] ?? ""]: "sum(status IN ('ok', 'failed'))",
    };
    const word = (column: string) => `(SELECT word FROM trail_word WHERE id = ${column})`;
    for (const [dimension, member] of [
      ["all", "''"],
      ["operation", word("operation")],
      ["person", word("person")],
      ["app", word("app")],
    ] as const) {
      database.exec(`
        INSERT INTO call_figure (grain, dimension, at, member, ${COUNTS.join(", ")})
        SELECT ${GRAINS.day}, '${dimension}', at - at % ${DAY_MS}, ${member}, ${COUNTS.map((name) => sums[name]).join(", ")}
          FROM call_entry WHERE id < ${lowest} GROUP BY 3, 4
        ON CONFLICT (grain, dimension, at, member) DO UPDATE SET ${COUNTS.map((name) => `${name} = ${name} + excluded.${name}`).join(", ")}`);
    }
    database.exec(`
      INSERT INTO reason_figure (grain, kind, at, name, count)
      SELECT ${GRAINS.day}, 'denial', at - at % ${DAY_MS}, decision, count(*) FROM call_entry
       WHERE id < ${lowest} AND decision <> 'allow' GROUP BY 3, 4
      ON CONFLICT (grain, kind, at, name) DO UPDATE SET count = count + excluded.count`);
  } finally {
    database.close();
  }
}

/** The file of the platform database in a local storage. */
async function findPlatform(folder: string): Promise<string> {
  const names = await readdir(path.join(folder, "v3/d1"), { recursive: true });
  for (const name of names.filter((file) => file.endsWith(".sqlite"))) {
    const file = path.join(folder, "v3/d1", name);
    const database = new DatabaseSync(file, { readOnly: true });
    const isPlatform = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'call_entry'").get();
    database.close();
    if (isPlatform !== undefined) return file;
  }
  throw new Error("The platform database is not in the folder.");
}
