import { percentile } from "../calls/statistics.ts";

/** Milliseconds that the average call may take. */
const TARGET_MS = 50;

/** What the runtimes use at one time: bytes in RAM, and milliseconds of CPU since they started. */
export interface Moment {
  memory: number;
  cpu: number;
}

/** One call in every session. */
interface Calls {
  /** Milliseconds of each. */
  times: number[];
  seconds: number;
  /** CPU milliseconds of the runtimes a call. */
  cpu: number;
}

/** What was measured. */
export interface Measurement {
  count: number;
  runtimes: number;
  /** Streams that are still open at the end. */
  listening: number;
  /** Sessions that were open before anything was measured. */
  warmUp: number;
  before: Moment;
  opened: Moment;
  hibernated: Moment;
  waking: Calls;
  awake: Calls;
}

/** Prints the table. A call that fails ends the bench with its text, so none did. */
export function printReport(measured: Measurement): void {
  const { count, runtimes, listening, warmUp, before, opened, hibernated, waking, awake } = measured;
  const each = ({ memory }: Moment) =>
    `${((memory - before.memory) / (count - warmUp) / 1024).toFixed(0)} KiB a session, ${inMiB(memory)} in all`;
  console.log(`
open streams at the end    ${listening} of ${count}, in ${runtimes} runtimes
memory, all opened         ${each(opened)}
memory, hibernated         ${each(hibernated)}
${describe("calls that wake", waking)}
${describe("calls of awake", awake)}`);
}

/** Bytes as people read them. */
export function inMiB(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(0)} MiB`;
}

function describe(what: string, { times, seconds, cpu }: Calls): string {
  const average = times.reduce((sum, time) => sum + time, 0) / times.length;
  const verdict = average < TARGET_MS ? "met" : "missed";
  const shares = [0.5, 0.95, 0.99].map((share) => percentile(times, share).toFixed(1)).join(", ");
  return [
    `${what.padEnd(26)} ${times.length} of ${times.length}, ${(times.length / seconds).toFixed(0)} a second, ${cpu.toFixed(1)} ms CPU each`,
    `  average                  ${average.toFixed(1)} ms (target ${TARGET_MS} ms: ${verdict})`,
    `  p50, p95, p99            ${shares} ms`,
  ].join("\n");
}
