import type { Client } from "./client.ts";

/** Result of a load period. */
export interface Stretch {
  calls: number;
  seconds: number;
  /** Milliseconds of each call. */
  times: number[];
}

/** Lets every client call repeatedly until the time is over. A failed call rejects. */
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
