import type { Client } from "../calls/client.ts";
import { percentile } from "../calls/statistics.ts";
import { callFor, ms } from "./call-for.ts";

/**
 * Milliseconds between two calls of one client, where the load is the same for every phase. The eleven clients of a phase take
 * less than half of one core: of a machine that is nearly full, the p95 says how full it was.
 */
const PACE_MS = 200;

/** The tenth connection in one of its states, with the clients that call it. */
export interface Tenth {
  state: string;
  clients: readonly Client[];
}

/** What the nine had next to one state of the tenth: milliseconds of all calls, and of each round the ratio of the p95. */
interface Compared {
  all: number[];
  usual: number[];
  ratios: number[];
}

/**
 * Prints what a failing tenth connection does to nine others at one pace. Each phase with a failing one lies between two
 * with a healthy one, and is compared with these two alone: a disturbance of the machine that lasts for longer meets all
 * three.
 *
 * @param what - the tenth in words, for the table
 * @param phaseMs - milliseconds of a phase
 */
export async function compareTenth(
  what: string,
  { nine, healthy, failing }: { nine: readonly Client[]; healthy: Tenth; failing: readonly Tenth[] },
  { phaseMs, rounds }: { phaseMs: number; rounds: number },
): Promise<void> {
  const phase = async ({ clients }: Tenth, mayFail: boolean): Promise<number[]> => {
    const tenth = callFor(clients, phaseMs, PACE_MS, mayFail);
    const times = await callFor(nine, phaseMs, PACE_MS);
    await tenth;
    return times;
  };
  await phase(healthy, false);
  const found = new Map<string, Compared>(
    failing.map(({ state }) => [state, { all: [], usual: [], ratios: [] }]),
  );
  for (let round = 0; round < rounds; round += 1) {
    let before = await phase(healthy, false);
    for (const tenth of failing) {
      const times = await phase(tenth, true);
      const after = await phase(healthy, false);
      const compared = found.get(tenth.state);
      compared?.all.push(...times);
      compared?.usual.push(...before, ...after);
      compared?.ratios.push(percentile(times, 0.95) / percentile([...before, ...after], 0.95));
      before = after;
    }
  }
  console.log(
    `\n| ${what} | p50 of the other nine | with a healthy one | p95 | with a healthy one | p95 against healthy | least and most of ${rounds} rounds |\n|---|---|---|---|---|---|---|`,
  );
  for (const [state, { all, usual, ratios }] of found) {
    const range = `${change(Math.min(...ratios))} to ${change(Math.max(...ratios))}`;
    console.log(
      `| ${state} | ${ms(all, 0.5)} | ${ms(usual, 0.5)} | ${ms(all, 0.95)} | ${ms(usual, 0.95)} | ${change(percentile(all, 0.95) / percentile(usual, 0.95))} | ${range} |`,
    );
  }
}

function change(ratio: number): string {
  return `${((ratio - 1) * 100).toFixed(1)} %`;
}
