import { setTimeout as wait } from "node:timers/promises";
import type { Client } from "../calls/client.ts";
import { percentile } from "../calls/statistics.ts";

/**
 * Calls of each client one after the other for a time, at a pace if one is given. Clients with a pace begin one after the
 * other, a share of the pace apart: calls that all begin at once would only wait for each other. Milliseconds of each call.
 */
export async function callFor(
  clients: readonly Client[],
  forMs: number,
  paceMs = 0,
  mayFail = false,
): Promise<number[]> {
  const start = performance.now();
  const until = start + forMs;
  const times: number[] = [];
  await Promise.all(
    clients.map(async (client, index) => {
      const first = start + (paceMs * index) / clients.length;
      for (let turn = 0; ; ) {
        const due = first + turn * paceMs - performance.now();
        if (paceMs > 0 && due > 0) await wait(due);
        const began = performance.now();
        if (began >= until) return;
        await client.call().catch((failure: unknown) => {
          if (!mayFail) throw failure;
        });
        times.push(performance.now() - began);
        // Turns that a long call took are left out.
        turn = paceMs > 0 ? Math.max(turn + 1, Math.ceil((performance.now() - first) / paceMs)) : turn + 1;
      }
    }),
  );
  return times;
}

/** A share of the times in milliseconds, for people. */
export function ms(times: readonly number[], share: number): string {
  return `${percentile(times, share).toFixed(1)} ms`;
}
