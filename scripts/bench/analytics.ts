import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import type { Grain } from "../../workers/analytics/grains.ts";
import { readEvents } from "../../workers/analytics/ingest/read-events.ts";
import { measuresOf } from "../../workers/analytics/metrics.ts";
import { parsePeriod } from "../../workers/analytics/periods.ts";
import { METRICS, type Metric } from "../../workers/analytics/semantic-layer.ts";
import { aggregate } from "../../workers/analytics/store/aggregate.ts";
import type { Filter } from "../../workers/analytics/store/base.ts";
import { countCohorts } from "../../workers/analytics/store/cohorts.ts";
import { countEvents, countFunnel, MAX_FUNNEL_EVENTS } from "../../workers/analytics/store/funnel.ts";
import { storeEvents } from "../../workers/analytics/store/ingest.ts";
import { readCoverage } from "../../workers/analytics/store/reference.ts";
import { CommandFailure, reportFailure } from "../local/failure.ts";
import { generateDays } from "../seed/analytics/events.ts";
import { loadShop } from "./load-shop.ts";
import { countReads, type ReadCounter } from "./rows-read.ts";

const HELP = `
Measures the analytics questions over shops of several sizes: time in D1 and rows that D1 read. Ten million events take
about 4 GB of disk, which are given back.

  npm run bench -- analytics [--events 100000,1000000,10000000]
`;
/** The data ends the day before, so that every run asks about the same days. */
const AS_OF = new Date("2026-03-01T00:00:00Z");
const EVENTS_PER_WRITE = 10_000;
const ROUNDS = 5;
/** A question that takes longer is asked once. */
const SLOW_MS = 3_000;

process.env.WRANGLER_SEND_METRICS = "false";
process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: { events: { type: "string", default: "100000,1000000,10000000" } },
  });
  const sizes = values.events.split(",").map(Number);
  if (sizes.some((size) => !Number.isInteger(size) || size < 1 || size > 10_000_000)) {
    throw new CommandFailure("--events takes numbers from 1 to 10,000,000, with commas.", HELP);
  }
  for (const events of sizes) await runSize(events);
}

async function runSize(events: number): Promise<void> {
  const stateFolder = await mkdtemp(path.join(os.tmpdir(), "gatehouse-bench-"));
  try {
    const { connection, databases, seconds } = await loadShop(stateFolder, AS_OF, events);
    try {
      const { events: loaded, rollups, parts } = seconds;
      console.log(
        `\n${events.toLocaleString("en")} events over two years: loaded in ${(loaded + parts).toFixed(0)} s, ` +
          `summed up by the migration in ${rollups.toFixed(0)} s`,
      );
      await track(connection);
      await measure(connection);
    } finally {
      await databases.close();
    }
  } finally {
    await rm(stateFolder, { recursive: true, force: true });
  }
}

/** Takes in one more day through the store, as analytics_track does. */
async function track(db: D1Database): Promise<void> {
  const asOf = new Date(AS_OF.getTime() + 86_400_000);
  const rows = [...generateDays({ asOf, events: EVENTS_PER_WRITE, days: 1, seed: 7 })].flat();
  const { events } = readEvents(
    rows.map(({ id, new_customer: _known, ...row }) => ({ key: `bench-${id}`, ...row })),
    asOf,
  );
  const clock = startClock();
  const { stored } = await storeEvents(db, events);
  const seconds = clock();
  console.log(
    `analytics_track: ${stored.toLocaleString("en")} events of one more day in ${seconds.toFixed(1)} s ` +
      `(${Math.round(stored / seconds).toLocaleString("en")} a second)\n`,
  );
}

/** Gives seconds since it was called. */
function startClock(): () => number {
  const began = performance.now();
  return () => (performance.now() - began) / 1000;
}

interface Question {
  title: string;
  /** Gives `false` where the tool would ask for a shorter period. */
  ask(db: D1Database): Promise<unknown>;
}

const QUESTIONS: readonly Question[] = [
  query("revenue, last 30 days", ["revenue", "orders"], "last_30_days"),
  query("revenue by day, last 90 days", ["revenue", "conversion_rate"], "last_90_days", { grain: "day" }),
  query("revenue by region and month, last year", ["revenue"], "last_year", {
    dimensions: ["region"],
    grain: "month",
  }),
  query("revenue by channel, last quarter", ["revenue", "conversion_rate"], "last_quarter", {
    dimensions: ["channel"],
  }),
  query("revenue by product, last quarter", ["revenue", "units"], "last_quarter", {
    dimensions: ["product"],
  }),
  query("visitors, last 30 days", ["visitors"], "last_30_days"),
  query("visitors by region, last quarter", ["visitors"], "last_quarter", { dimensions: ["region"] }),
  query("customers by channel, last year", ["customers", "revenue_per_customer"], "last_year", {
    dimensions: ["channel"],
  }),
  query("visitors by product, last 30 days (from events)", ["visitors"], "last_30_days", {
    dimensions: ["product"],
  }),
  { title: "first and last day of data", ask: (db) => readCoverage(db, "commerce") },
  {
    title: "funnel, last 30 days (from events)",
    ask: (db) => followShoppers(db, spanOf("last_30_days")),
  },
  {
    title: "funnel, two years (from events)",
    ask: (db) => followShoppers(db, { from: "2024-03-01", to: "2026-03-01" }),
  },
  {
    title: "retention of buyers, last 12 months (from events)",
    ask: (db) =>
      countCohorts(db, { kind: "order", grain: "month", ...spanOf("last_12_months"), filters: [] }),
  },
];

async function followShoppers(db: D1Database, span: { from: string; to: string }): Promise<unknown> {
  const steps = ["visit", "cart", "checkout", "order"];
  if ((await countEvents(db, steps, span.from, span.to)) > MAX_FUNNEL_EVENTS) return false;
  return countFunnel(db, { steps, ...span, days: 7, filters: [], by: undefined });
}

function query(
  title: string,
  names: readonly string[],
  period: string,
  cut: { dimensions?: string[]; grain?: Grain; filters?: Filter[] } = {},
): Question {
  const metrics = names.map((name) => METRICS.find((metric) => metric.name === name) as Metric);
  const measures = [...new Set(metrics.flatMap(measuresOf))];
  const { dimensions = [], filters = [] } = cut;
  const grain: Grain = cut.grain ?? "total";
  const selection = { fact: "commerce" as const, measures, ...spanOf(period), filters, dimensions, grain };
  const top = { count: 20, by: metrics[0] as Metric, ascending: false };
  return { title, ask: (db) => aggregate(db, selection, top, 5_000) };
}

function spanOf(period: string): { from: string; to: string } {
  const { from, to } = parsePeriod(period, AS_OF);
  return { from, to };
}

async function measure(db: D1Database): Promise<void> {
  console.log(`${"question".padEnd(52)}${"rows read".padStart(12)}${"D1 ms".padStart(9)}`);
  for (const { title, ask } of QUESTIONS) {
    const rounds: ReadCounter[] = [];
    let isRefused = false;
    for (let round = 0; round < ROUNDS; round++) {
      const counter: ReadCounter = { rowsRead: 0, milliseconds: 0 };
      const answer = await ask(countReads(db, counter));
      isRefused = answer === false;
      rounds.push(counter);
      if (counter.milliseconds > SLOW_MS) break;
    }
    const times = rounds.map(({ milliseconds }) => milliseconds).sort((a, b) => a - b);
    const middle = times[times.length >> 1] ?? 0;
    const rows = rounds[0]?.rowsRead.toLocaleString("en") ?? "";
    if (isRefused)
      console.log(`${title.padEnd(52)}  refused: over ${MAX_FUNNEL_EVENTS.toLocaleString("en")} events`);
    else console.log(`${title.padEnd(52)}${rows.padStart(12)}${middle.toFixed(0).padStart(9)}`);
  }
}

try {
  await run();
} catch (failure) {
  process.exitCode = reportFailure(failure);
}
