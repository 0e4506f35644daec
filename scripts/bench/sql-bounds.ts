import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { ToolError } from "../../shared/call/tool-error.ts";
import { runReadOnly } from "../../workers/analytics/store/read-only-query.ts";
import { CommandFailure, reportFailure } from "../local/failure.ts";
import { loadPublicData } from "../seed/analytics/public-data.ts";
import { loadShop } from "./load-shop.ts";
import { readBench } from "./options.ts";
import { readBusyTime } from "./sql-bounds/busy-time.ts";
import { generateStatement, KNOWN_STATEMENTS, startChance } from "./sql-bounds/generate-statements.ts";
import { REPORTS } from "./sql-bounds/reports.ts";

const HELP = `
Runs generated statements as analytics_sql runs them, over the demonstration data, and names the slowest: by the
processor time of the database where the system tells it (Linux), else by the time on the wall. Ends with 1 when one
takes longer than 2 seconds, or when a usual report is refused.

  npm run bench -- sql-bounds [--statements 500] [--seed 1] [--events 100000]
`;
const AS_OF = new Date("2026-03-01T00:00:00Z");
/** Maximum milliseconds of a statement. */
const MOST_MS = 2_000;
const ROWS = 100;

interface Run {
  sql: string;
  ms: number;
  outcome: "ran" | "refused" | "failed";
  detail: string;
}

async function runAll(): Promise<void> {
  const { values } = readBench("sql-bounds");
  const [count, seed, events] = [values.statements, values.seed, values.events].map(Number);
  if (![count, seed, events].every((number) => Number.isInteger(number) && Number(number) > 0)) {
    throw new CommandFailure("--statements, --seed and --events take whole numbers from 1.", HELP);
  }
  const stateFolder = await mkdtemp(path.join(os.tmpdir(), "gatehouse-bench-"));
  try {
    const { connection, databases } = await loadShop(stateFolder, AS_OF, Number(events));
    try {
      await loadPublicData(connection);
      const reports = await runEach(connection, REPORTS);
      const chance = startChance(Number(seed));
      const generated = Array.from({ length: Number(count) }, () => generateStatement(chance));
      report(reports, await runEach(connection, [...KNOWN_STATEMENTS, ...generated]), Number(seed));
    } finally {
      await databases.close();
    }
  } finally {
    await rm(stateFolder, { recursive: true, force: true });
  }
}

async function runEach(db: D1Database, statements: readonly string[]): Promise<Run[]> {
  const runs: Run[] = [];
  for (const sql of statements) {
    const clock = startClock();
    const { outcome, detail } = await runOne(db, sql);
    const ms = clock();
    if (ms > MOST_MS) console.log(`${Math.round(ms)} ms: ${sql.slice(0, 300)}`);
    runs.push({ sql, ms, outcome, detail });
  }
  return runs;
}

/** Milliseconds of the database's processor time where the system reports it, otherwise elapsed time. */
function startClock(): () => number {
  const [busy, began] = [readBusyTime(), performance.now()];
  return () => {
    const now = busy === null ? null : readBusyTime();
    return busy === null || now === null ? performance.now() - began : now - busy;
  };
}

async function runOne(db: D1Database, sql: string): Promise<Pick<Run, "outcome" | "detail">> {
  try {
    await runReadOnly(db, sql, [], ROWS, new AbortController().signal);
    return { outcome: "ran", detail: "" };
  } catch (failure) {
    const refused = failure instanceof ToolError;
    const detail = failure instanceof Error ? failure.message : String(failure);
    return { outcome: refused ? "refused" : "failed", detail };
  }
}

function report(reports: readonly Run[], runs: readonly Run[], seed: number): void {
  const of = (outcome: Run["outcome"]) => runs.filter((run) => run.outcome === outcome);
  const slowest = [...runs].sort((one, other) => other.ms - one.ms);
  console.log(
    `\n${runs.length} statements (seed ${seed}): ${of("ran").length} ran, ${of("refused").length} refused, ` +
      `${of("failed").length} failed otherwise. Longer than ${MOST_MS} ms: ${runs.filter(({ ms }) => ms > MOST_MS).length}.\n\nThe slowest:`,
  );
  for (const { ms, outcome, sql } of slowest.slice(0, 8)) {
    console.log(`${String(Math.round(ms)).padStart(7)} ms  ${outcome.padEnd(7)}  ${sql.slice(0, 160)}`);
  }
  for (const { detail, sql } of of("failed").slice(0, 5))
    console.log(`failed: ${detail.slice(0, 200)}\n  ${sql.slice(0, 200)}`);
  const narrow = reports.filter(({ outcome }) => outcome !== "ran");
  const longest = Math.max(...reports.map(({ ms }) => ms));
  console.log(
    `\n${reports.length} usual reports: ${narrow.length} refused, the slowest ${Math.round(longest)} ms.`,
  );
  for (const { sql, detail } of narrow) console.log(`refused: ${detail}\n  ${sql}`);
  if (narrow.length > 0 || (slowest[0]?.ms ?? 0) > MOST_MS) process.exitCode = 1;
}

try {
  await runAll();
} catch (failure) {
  process.exitCode = reportFailure(failure);
}
