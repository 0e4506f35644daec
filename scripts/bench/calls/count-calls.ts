import { setTimeout as wait } from "node:timers/promises";
import type { Generation } from "../../demo/session.ts";
import { connectClient } from "./client.ts";
import { COUNTS_PATH, type Counts, perCall } from "./counts.ts";
import { type Stand, targetOf } from "./measure.ts";

/** Number of calls to count: enough that batches of 64 records show as a fraction per call. */
export const COUNTED_CALLS = 256;
/** How calls are made that are counted. */
export interface Pace {
  calls?: number;
  /** Milliseconds from the beginning of one to that of the next; without it each follows the answer to the one before. */
  everyMs?: number;
  /** Milliseconds without any change after which counting ends. */
  quietMs?: number;
}

/**
 * Milliseconds without any change after which counting ends: longer than the delays of alarms and batches.
 */
const QUIET_MS = 6_000;
const LOOK_MS = 500;

/** What calls took: counters for each, and milliseconds of each. */
export interface Counted {
  counts: Counts;
  times: number[];
}

/** Counts the work of one call, including its share of the background work until all is quiet. */
export async function countCalls(
  stand: Stand,
  generation: Generation,
  { calls = COUNTED_CALLS, everyMs = 0, quietMs = QUIET_MS }: Pace = {},
): Promise<Counted> {
  const [token = ""] = stand.tokens;
  const client = await connectClient(generation, targetOf(stand, generation, token));
  // The object's first call reads its user; later calls do not.
  await client.call();
  const before = await readQuiet(stand, quietMs);
  const times: number[] = [];
  for (let call = 0; call < calls; call += 1) {
    const began = performance.now();
    await client.call();
    times.push(performance.now() - began);
    const rest = began + everyMs - performance.now();
    if (rest > 0 && call < calls - 1) await wait(rest);
  }
  const after = await readQuiet(stand, quietMs);
  client.close();
  return { counts: perCall(before, after, calls), times };
}

async function readQuiet(stand: Stand, quietMs: number): Promise<Counts> {
  let counts = await readCounts(stand);
  for (let quiet = 0; quiet < quietMs; quiet += LOOK_MS) {
    await wait(LOOK_MS);
    const next = await readCounts(stand);
    if (JSON.stringify(next) !== JSON.stringify(counts)) quiet = 0;
    counts = next;
  }
  return counts;
}

async function readCounts({ worker }: Stand): Promise<Counts> {
  return (await (await fetch(`http://127.0.0.1:${worker.port}${COUNTS_PATH}`)).json()) as Counts;
}
