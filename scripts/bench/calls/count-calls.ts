import { setTimeout as wait } from "node:timers/promises";
import type { Generation } from "../../demo/session.ts";
import { connectClient } from "./client.ts";
import { COUNTS_PATH, type Counts, perCall } from "./counts.ts";
import { type Stand, targetOf } from "./measure.ts";

/** Number of calls to count: enough that batches of 64 records show as a fraction per call. */
export const COUNTED_CALLS = 256;
/**
 * Milliseconds without any change after which counting ends: longer than the delays of alarms and batches.
 */
const QUIET_MS = 6_000;
const LOOK_MS = 500;

/** Counts the work of one call, including its share of the background work until all is quiet. */
export async function countCalls(
  stand: Stand,
  generation: Generation,
  calls = COUNTED_CALLS,
): Promise<Counts> {
  const [token = ""] = stand.tokens;
  const client = await connectClient(generation, targetOf(stand, generation, token));
  // The object's first call reads its user; later calls do not.
  await client.call();
  const before = await readQuiet(stand);
  for (let call = 0; call < calls; call += 1) await client.call();
  const after = await readQuiet(stand);
  client.close();
  return perCall(before, after, calls);
}

async function readQuiet(stand: Stand): Promise<Counts> {
  let counts = await readCounts(stand);
  for (let quiet = 0; quiet < QUIET_MS; quiet += LOOK_MS) {
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
