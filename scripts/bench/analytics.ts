import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { readEvents } from "../../workers/analytics/ingest/read-events.ts";
import { MAX_FUNNEL_EVENTS } from "../../workers/analytics/store/funnel.ts";
import { storeEvents } from "../../workers/analytics/store/ingest.ts";
import { CommandFailure, reportFailure } from "../local/failure.ts";
import { generateDays } from "../seed/analytics/events.ts";
import { listQuestions } from "./analytics/questions.ts";
import { countReads, type Reads } from "./count-reads.ts";
import { FIGURES_HELP, type FiguresStyle, startFigures } from "./figures-table.ts";
import { loadShop } from "./load-shop.ts";
import { readBench } from "./options.ts";

const HELP = `
Measures the analytics questions over shops of several sizes: time in D1 and rows that D1 read. Ten million events take
about 4 GB of disk, which are given back.

  npm run bench -- analytics [--events 100000,1000000,10000000] [--plans] [--markdown]

${FIGURES_HELP}
`;
/** The data ends the day before, so that every run queries the same days. */
const AS_OF = new Date("2026-03-01T00:00:00Z");
const EVENTS_PER_WRITE = 10_000;
const ROUNDS = 5;
/** A slower query runs once. */
const SLOW_MS = 3_000;

async function run(): Promise<void> {
  const { values } = readBench("analytics");
  const sizes = values.events.split(",").map(Number);
  if (sizes.some((size) => !Number.isInteger(size) || size < 1 || size > 10_000_000)) {
    throw new CommandFailure("--events takes numbers from 1 to 10,000,000, with commas.", HELP);
  }
  for (const events of sizes) await runSize(events, values);
}

async function runSize(events: number, style: FiguresStyle): Promise<void> {
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
      await measure(connection, style);
    } finally {
      await databases.close();
    }
  } finally {
    await rm(stateFolder, { recursive: true, force: true });
  }
}

/** Stores one more day of events, as analytics_track does. */
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

/** Returns a function for the seconds since this call. */
function startClock(): () => number {
  const began = performance.now();
  return () => (performance.now() - began) / 1000;
}

async function measure(db: D1Database, style: FiguresStyle): Promise<void> {
  const table = startFigures(db, ["rows read", "D1 ms"], style);
  const counter = countReads(db);
  for (const { title, reads, ask } of listQuestions(AS_OF)) {
    const rounds: Reads[] = [];
    let isRefused = false;
    for (let round = 0; round < ROUNDS; round++) {
      isRefused = (await ask(counter.db)) === false;
      const taken = counter.take();
      rounds.push(taken);
      if (taken.milliseconds > SLOW_MS) break;
    }
    const times = rounds.map(({ milliseconds }) => milliseconds).sort((a, b) => a - b);
    const middle = times[times.length >> 1] ?? 0;
    const [first] = rounds;
    const figures = isRefused
      ? ["refused", `> ${MAX_FUNNEL_EVENTS.toLocaleString("en")}`]
      : [(first?.rows ?? 0).toLocaleString("en"), middle.toFixed(0)];
    const full = reads === "events" ? `${title} (from events)` : title;
    await table.add(full, figures, first?.statements ?? []);
  }
  table.end();
}

try {
  await run();
} catch (failure) {
  process.exitCode = reportFailure(failure);
}
