import { GENERATIONS, type Generation } from "../../demo/session.ts";
import { listCosts, PRICES_AS_OF, sumCosts } from "./costs.ts";
import { COUNTED_CALLS } from "./count-calls.ts";
import type { Counts } from "./counts.ts";
import type { Measured, Storage } from "./measure.ts";
import type { StepShares } from "./profile.ts";
import { median, medianRatio, percentile } from "./statistics.ts";
import { judge } from "./targets.ts";
import type { DecisionTimes } from "./time-decisions.ts";
import { BARE, GUARDED } from "./variants.ts";

/** Requests to objects that no call waits for: outcomes, and handling of sent records. */
const BACKGROUND = ["request settle", "request confirmStored", "request alarm", "request record"];
/** The request that every call of the sessionful lane makes. */
const LANE = "request fetch";

type CountsOf = ReadonlyMap<Generation, Counts>;

/** Prints the measurements, the costs and the targets met. Costs and targets are those of storage on the disk. */
export function printReport(
  all: readonly Measured[],
  counts: CountsOf,
  shares: StepShares | null,
  decisions: readonly DecisionTimes[],
): void {
  const measured = all.filter(({ storage }) => storage === "disk");
  const inMemory = all.filter(({ storage }) => storage === "tmpfs");
  for (const generation of GENERATIONS) {
    printGeneration(measured, generation, "disk");
    if (inMemory.length > 0) printGeneration(inMemory, generation, "tmpfs");
  }
  if (shares !== null) printShares(shares);
  for (const generation of GENERATIONS) printCounts(generation, counts.get(generation) ?? {});
  for (const generation of GENERATIONS) printCosts(measured, generation, counts.get(generation) ?? {});
  printTargets(measured, counts, decisions);
}

function find(measured: readonly Measured[], name: string, generation: Generation): Measured {
  const found = measured.find((one) => one.variant.name === name && one.generation === generation);
  if (found === undefined) throw new Error(`"${name}" was not measured.`);
  return found;
}

/** Prints what the variants of one generation took. */
export function printGeneration(
  measured: readonly Measured[],
  generation: Generation,
  storage: Storage,
): void {
  const bare = find(measured, BARE.name, generation);
  const rows = measured
    .filter((one) => one.generation === generation)
    .map((one) => [
      one.variant.name,
      median(one.rates).toFixed(0),
      medianRatio(one.rates, bare.rates).toFixed(2),
      rangeOfRatios(one.rates, bare.rates),
      median(one.times.map(rateAlone)).toFixed(0),
      medianRatio(one.times.map(rateAlone), bare.times.map(rateAlone)).toFixed(2),
      one.cpu.length > 0 ? median(one.cpu).toFixed(2) : "–",
      one.cpu.length > 0 ? `×${medianRatio(one.cpu, bare.cpu).toFixed(2)}` : "–",
      one.drainedCpu?.toFixed(2) ?? "–",
      one.drainedCpu !== null && bare.drainedCpu ? `×${(one.drainedCpu / bare.drainedCpu).toFixed(2)}` : "–",
      ...[0.5, 0.95, 0.99].flatMap((share) => {
        const times = one.times.map((round) => percentile(round, share));
        const bareTimes = bare.times.map((round) => percentile(round, share));
        return [median(times).toFixed(1), `×${medianRatio(times, bareTimes).toFixed(2)}`];
      }),
    ]);
  console.log(
    `\n${generation}, storage on ${storage}: many clients for throughput, one alone and for times; ratios to bare, round by round`,
  );
  const head = ["", "calls/s", "/ bare", "rounds", "alone/s", "/ bare", "CPU ms", "", "drained", ""];
  printTable([[...head, "p50 ms", "", "p95 ms", "", "p99 ms", ""], ...rows]);
}

/** Calls per second of a single client, from the milliseconds of each call. */
function rateAlone(times: readonly number[]): number {
  return (1000 * times.length) / times.reduce((sum, time) => sum + time, 0);
}

/** The smallest and largest ratio of a round: the effect of machine noise on the median. */
function rangeOfRatios(above: readonly number[], below: readonly number[]): string {
  const ratios = above.map((value, index) => value / (below[index] ?? Number.NaN));
  return `${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}`;
}

function printShares(shares: StepShares): void {
  console.log(
    "\nshare of the guarded Worker's CPU time, its objects and consumers included, in a profile under load",
  );
  const steps = [...(shares.get("stateless")?.keys() ?? [])];
  const percent = (share = 0) => `${(100 * share).toFixed(1)} %`;
  printTable([
    ["", ...GENERATIONS],
    ...steps.map((step) => [step, ...GENERATIONS.map((one) => percent(shares.get(one)?.get(step)))]),
  ]);
}

function printCounts(generation: Generation, counts: Counts): void {
  console.log(`\n${generation}: counted for each call, background work of ${COUNTED_CALLS} calls included`);
  const rows = Object.entries(counts).filter(([, amount]) => amount > 0);
  printTable(
    rows.map(([name, amount]) => [
      BACKGROUND.includes(name) ? `${name} (in the background)` : name,
      amount.toFixed(amount < 10 ? 2 : 0),
    ]),
  );
}

function printCosts(measured: readonly Measured[], generation: Generation, counts: Counts): void {
  const { cpu, rates } = find(measured, GUARDED.name, generation);
  // Without CPU counts, uses the elapsed time of the busy process. Both include objects and databases.
  const lines = listCosts(counts, cpu.length > 0 ? median(cpu) : 1000 / median(rates));
  const dollars = (amount: number) => `$${amount.toFixed(2)}`;
  console.log(`\n${generation}: a million calls, prices of ${PRICES_AS_OF}`);
  printTable([
    ...lines
      .filter((line) => line.dollars >= 0.005)
      .map(({ what, amount, price, dollars: sum }) => [
        what,
        `${amount.toFixed(4)} × $${price}`,
        dollars(sum),
      ]),
    ["sum", "", dollars(sumCosts(lines))],
  ]);
}

function printTargets(
  measured: readonly Measured[],
  counts: CountsOf,
  decisions: readonly DecisionTimes[],
): void {
  const ratio = (generation: Generation) =>
    medianRatio(find(measured, GUARDED.name, generation).rates, find(measured, BARE.name, generation).rates);
  const addedP95 = (generation: Generation) => {
    const bare = find(measured, BARE.name, generation).times;
    return median(
      find(measured, GUARDED.name, generation).times.map(
        (times, round) => percentile(times, 0.95) - percentile(bare[round] ?? [], 0.95),
      ),
    );
  };
  const extra = (generation: Generation) =>
    Object.entries(counts.get(generation) ?? {})
      .filter(([name]) => name.startsWith("request ") && name !== LANE && !BACKGROUND.includes(name))
      .reduce((sum, [, amount]) => sum + amount, 0);
  const verdicts = judge({
    sessionfulRatio: ratio("sessionful"),
    statelessRatio: ratio("stateless"),
    addedP95: Math.max(...GENERATIONS.map(addedP95)),
    decideP99: Math.max(...decisions.map(({ p99 }) => p99)),
    extraRequests: Math.max(...GENERATIONS.map(extra)),
  });
  console.log("\ntargets");
  printTable(
    verdicts.map(({ target, measured: value, unit, met }) => [
      target,
      `${value.toFixed(2)}${unit}`,
      met ? "met" : "missed",
    ]),
  );
}

/** Aligns the first column to the left and all others to the right. */
export function printTable(rows: readonly (readonly string[])[]): void {
  const widths = rows.reduce<number[]>(
    (known, row) => row.map((cell, column) => Math.max(known[column] ?? 0, cell.length)),
    [],
  );
  for (const row of rows) {
    const cells = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
    );
    console.log(`  ${cells.join("  ")}`.trimEnd());
  }
}
