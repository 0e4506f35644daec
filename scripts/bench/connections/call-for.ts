import { setTimeout as wait } from "node:timers/promises";
import type { Client } from "../calls/client.ts";
import { percentile } from "../calls/statistics.ts";

/** Calls of each client one after the other for a time, at a pace if one is given. Milliseconds of each call. */
export async function callFor(
  clients: readonly Client[],
  forMs: number,
  paceMs = 0,
  mayFail = false,
): Promise<number[]> {
  const until = performance.now() + forMs;
  const times: number[] = [];
  await Promise.all(
    clients.map(async (client) => {
      while (performance.now() < until) {
        const began = performance.now();
        await client.call().catch((failure: unknown) => {
          if (!mayFail) throw failure;
        });
        const took = performance.now() - began;
        times.push(took);
        if (took < paceMs) await wait(paceMs - took);
      }
    }),
  );
  return times;
}

/** A share of the times in milliseconds, for people. */
export function ms(times: readonly number[], share: number): string {
  return `${percentile(times, share).toFixed(1)} ms`;
}
