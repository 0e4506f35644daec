import { percentile } from "../calls/statistics.ts";
import { type IdleMemory, inKiB } from "./idle-memory.ts";

/** Target of the mean call time in milliseconds. */
const TARGET_MS = 50;

/** One call in every session. */
interface Calls {
  /** Milliseconds of each. */
  times: number[];
  seconds: number;
  /** CPU milliseconds of the runtimes per call. */
  cpu: number;
}

/** Delivery of a published policy to all streams. */
export interface Spread {
  /** Milliseconds until each stream announced the changed list of tools. */
  told: number[];
  /** Milliseconds of each call in the meantime. */
  calls: number[];
}

/** All measurements. */
export interface Measurement {
  count: number;
  runtimes: number;
  /** Streams that are still open at the end. */
  listening: number;
  /** Bytes of all runtimes, with every object hibernated. */
  memory: number;
  guarded: IdleMemory;
  bare: IdleMemory;
  waking: Calls;
  awake: Calls;
  spread: Spread;
}

/** Prints the tables. A failed call has ended the bench before, so all calls succeeded. */
export function printReport(measured: Measurement): void {
  const { count, runtimes, listening, memory, guarded, bare, waking, awake, spread } = measured;
  const line = (part: string, of: "alone" | "listening" | "process") =>
    `  ${part.padEnd(38)}${inKiB(guarded[of]).padEnd(14)}${inKiB(bare[of])}`;
  console.log(`
one idle session, over ${guarded.sessions} of each kind  the gateway   a bare McpAgent
${line("Worker's heap, without a stream", "alone")}
${line("Worker's heap, with a GET stream", "listening")}
${line("runtime's process, both on average", "process")}

open streams at the end    ${listening} of ${count}, in ${runtimes} runtimes with ${inMiB(memory)} in all
${describe("calls that wake", waking)}
${describe("calls of awake", awake)}
told of a changed list     ${spread.told.length} of ${count}
  half, 99 %, all after    ${shares(spread.told, [0.5, 0.99, 1], 1_000)} s
  calls meanwhile          ${spread.calls.length}; p50, p95, p99 ${shares(spread.calls)} ms`);
}

/** Formats bytes. */
export function inMiB(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(0)} MiB`;
}

function describe(what: string, { times, seconds, cpu }: Calls): string {
  const average = times.reduce((sum, time) => sum + time, 0) / times.length;
  const verdict = average < TARGET_MS ? "met" : "missed";
  return [
    `${what.padEnd(26)} ${times.length} of ${times.length}, ${(times.length / seconds).toFixed(0)} a second, ${cpu.toFixed(1)} ms CPU each`,
    `  average                  ${average.toFixed(1)} ms (target ${TARGET_MS} ms: ${verdict})`,
    `  p50, p95, p99            ${shares(times)} ms`,
  ].join("\n");
}

function shares(times: readonly number[], of = [0.5, 0.95, 0.99], unitMs = 1): string {
  return of.map((share) => (percentile(times, share) / unitMs).toFixed(1)).join(", ");
}
