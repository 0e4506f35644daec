import type { Client } from "./client.ts";

/** What a stretch of load did. */
export interface Stretch {
  calls: number;
  seconds: number;
  /** Milliseconds of each call. */
  times: number[];
}

/** Lets every client call, one call after the other, until the time is over. Any failed call ends it with an error. */
export async function runLoad(clients: readonly Client[], milliseconds: number): Promise<Stretch> {
  const times: number[] = [];
  const began = performance.now();
  const end = began + milliseconds;
  const keepCalling = async (client: Client) => {
    for (let now = performance.now(); now < end; ) {
      await client.call();
      const done = performance.now();
      times.push(done - now);
      now = done;
    }
  };
  await Promise.all(clients.map(keepCalling));
  return { calls: times.length, seconds: (performance.now() - began) / 1000, times };
}
