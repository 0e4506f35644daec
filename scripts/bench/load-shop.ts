import { glob } from "node:fs/promises";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type LocalDatabase, type LocalDatabases, openLocalDatabases } from "../local/databases.ts";
import { applyMigrations, readMigrations } from "../local/migrate.ts";
import { generateDays } from "../seed/analytics/events.ts";
import { SHOP_COLUMNS } from "../seed/analytics/insert.ts";

/** Maximum generated events; a larger shop consists of copies with other customers. */
const LARGEST_PART = 1_000_000;

/** The migration that creates the rollups. */
const ROLLUPS = "0003";

/** Columns of sums, which grow with the number of copies. */
const SUMS = {
  daily_totals: ["events", "quantity", "amount_cents", "cost_cents", "new_customers"],
  daily_channels: ["events", "quantity", "amount_cents", "cost_cents", "new_customers"],
  daily_products: ["events", "quantity", "amount_cents", "cost_cents", "new_customers"],
  hourly_totals: ["events", "quantity", "amount_cents", "cost_cents", "new_customers"],
  daily_people: ["people"],
} as const;

/** A loaded database and its loading time in seconds. */
export interface LoadedShop {
  connection: D1Database;
  databases: LocalDatabases;
  seconds: { events: number; rollups: number; parts: number };
}

/**
 * Loads a shop of this size into the local D1 database under `stateFolder`. Ten million rows through the
 * emulator and its triggers would take hours, so the function writes SQLite's own file while no other process
 * has it open: the first million events as generated, with the migration's own sums; then copies of the same
 * shop with other customers, which multiply every sum by the same factor.
 */
export async function loadShop(
  stateFolder: string,
  asOf: Date,
  events: number,
  largestPart = LARGEST_PART,
): Promise<LoadedShop> {
  const parts = Math.ceil(events / largestPart);
  if (events % parts !== 0) throw new RangeError(`${events} events are not ${parts} equal parts.`);
  const fresh = await openLocalDatabases(stateFolder);
  const migrations = await readMigrations(analyticsOf(fresh).migrationsFolder);
  const before = migrations.filter(({ name }) => name < ROLLUPS);
  await applyMigrations(analyticsOf(fresh).connection, before);
  await fresh.close();

  const db = new DatabaseSync(await findFile(stateFolder));
  db.exec(
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000; PRAGMA temp_store = MEMORY",
  );
  const seconds = {
    events: time(() => insertPart(db, asOf, events / parts)),
    rollups: time(() => {
      for (const { name, sql } of migrations.filter((one) => !before.includes(one))) {
        db.exec(sql);
        db.prepare("INSERT INTO d1_migrations (name) VALUES (?)").run(name);
      }
    }),
    parts: time(() => multiply(db, parts)),
  };
  db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  db.close();

  const databases = await openLocalDatabases(stateFolder);
  return { connection: analyticsOf(databases).connection, databases, seconds };
}

function analyticsOf({ all }: LocalDatabases): LocalDatabase {
  const database = all.find(({ binding }) => binding === "ANALYTICS_DB");
  if (!database) throw new Error("ANALYTICS_DB is not configured.");
  return database;
}

/** The local database with a table of events. */
async function findFile(stateFolder: string): Promise<string> {
  for await (const name of glob("v3/d1/**/*.sqlite", { cwd: stateFolder })) {
    const file = path.join(stateFolder, name);
    const db = new DatabaseSync(file);
    const found = db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'events'").get();
    db.close();
    if (found !== undefined) return file;
  }
  throw new Error("The emulator has written no database with events.");
}

function insertPart(db: DatabaseSync, asOf: Date, events: number): void {
  const places = SHOP_COLUMNS.map(() => "?").join(", ");
  const insert = db.prepare(`INSERT INTO events (${SHOP_COLUMNS.join(", ")}) VALUES (${places})`);
  db.exec("BEGIN");
  for (const day of generateDays({ asOf, events })) {
    for (const event of day) insert.run(...SHOP_COLUMNS.map((column) => event[column]));
  }
  db.exec("COMMIT");
}

function multiply(db: DatabaseSync, parts: number): void {
  if (parts === 1) return;
  // The triggers would do row by row what the statements below do at once.
  const aside = db
    .prepare(
      "SELECT type, name, sql FROM sqlite_master WHERE tbl_name = 'events' AND type <> 'table' AND sql IS NOT NULL",
    )
    .all() as unknown as { type: string; name: string; sql: string }[];
  for (const { type, name } of aside) db.exec(`DROP ${type} ${name}`);
  const columns = SHOP_COLUMNS.slice(1);
  const copied = columns.map((column) => (column === "customer_id" ? "customer_id || '.' || ?1" : column));
  const copy = db.prepare(
    `INSERT INTO events (id, ${columns.join(", ")}) SELECT id + ?1 * ?2, ${copied.join(", ")} FROM events WHERE id <= ?2`,
  );
  const { largest } = db.prepare("SELECT max(id) AS largest FROM events").get() as { largest: number };
  db.exec("BEGIN");
  for (let part = 1; part < parts; part++) copy.run(part, largest);
  for (const [table, sums] of Object.entries(SUMS)) {
    db.exec(`UPDATE ${table} SET ${sums.map((sum) => `${sum} = ${sum} * ${parts}`).join(", ")}`);
  }
  db.exec("COMMIT");
  for (const { sql } of aside) db.exec(sql);
}

/** Seconds that the work takes. */
function time(work: () => void): number {
  const began = performance.now();
  work();
  return (performance.now() - began) / 1000;
}
