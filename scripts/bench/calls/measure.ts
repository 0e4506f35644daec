import { GENERATIONS, type Generation } from "../../demo/session.ts";
import { type Client, connectClient, type Target } from "./client.ts";
import { runLoad } from "./load.ts";
import type { RunningWorker } from "./runtime.ts";
import type { Variant } from "./variants.ts";
import { BARE_TOOL } from "./worker/echo.ts";

/** A running variant, and the tokens of its users. */
export interface Stand {
  variant: Variant;
  worker: RunningWorker;
  publicUrl: string;
  tokens: readonly string[];
}

/** Results of one variant in one generation, one entry per round. */
export interface Measured {
  variant: Variant;
  generation: Generation;
  /** Calls per second under load. */
  rates: number[];
  /** CPU milliseconds per call under load; empty where the system does not report it. */
  cpu: number[];
  /** Milliseconds of each call of a single client. */
  times: number[][];
}

/** Concurrent clients of the throughput measurement. */
export const CLIENTS = 16;

/** Durations in milliseconds, and number of rounds. */
export interface Plan {
  rounds: number;
  /** Minimum rounds on a machine too busy for all. */
  fewestRounds: number;
  warmUpMs: number;
  loadMs: number;
  aloneMs: number;
}

/** The plan behind published figures. Fewer rounds than two are not meaningful. */
export const WHOLE_PLAN: Plan = { rounds: 5, fewestRounds: 2, warmUpMs: 500, loadMs: 800, aloneMs: 500 };

/** The shortest plan that runs everything. */
export const SHORT_PLAN: Plan = { rounds: 1, fewestRounds: 1, warmUpMs: 100, loadMs: 200, aloneMs: 100 };

/** The target of a client of one generation at a variant. */
export function targetOf(
  { variant, worker, publicUrl }: Stand,
  generation: Generation,
  token: string,
): Target {
  const place = { port: worker.port, host: new URL(publicUrl).host };
  return variant.bare === undefined
    ? { ...place, path: "/mcp", tool: "bench_echo", token }
    : { ...place, path: `/${generation}${variant.bare}`, tool: BARE_TOOL, token: null };
}

/**
 * Measures every variant in both generations, all of them once per round, so that a disturbance affects all.
 *
 * @param until - time after which no further round begins, on the clock of `performance.now()`
 */
export async function measureRounds(
  stands: readonly Stand[],
  until: number,
  say: (what: string) => void,
  plan: Plan = WHOLE_PLAN,
): Promise<Measured[]> {
  say("warming up");
  const cells = [];
  for (const stand of stands) {
    for (const generation of GENERATIONS) {
      const clients = await Promise.all(
        Array.from({ length: CLIENTS }, (_, index) => {
          const token = stand.tokens[index % stand.tokens.length] ?? "";
          return connectClient(generation, targetOf(stand, generation, token));
        }),
      );
      await runLoad(clients, plan.warmUpMs);
      const measured: Measured = { variant: stand.variant, generation, rates: [], cpu: [], times: [] };
      cells.push({ clients, worker: stand.worker, measured });
    }
  }
  for (let round = 1; round <= plan.rounds; round += 1) {
    if (round > plan.fewestRounds && performance.now() > until) {
      say(`the machine is busy: ${round - 1} rounds must do`);
      break;
    }
    say(`round ${round} of ${plan.rounds}`);
    for (const { clients, worker, measured } of cells) await measureOnce(clients, worker, measured, plan);
  }
  for (const { clients } of cells) for (const client of clients) client.close();
  return cells.map(({ measured }) => measured);
}

async function measureOnce(
  clients: readonly Client[],
  worker: RunningWorker,
  measured: Measured,
  { loadMs, aloneMs }: Plan,
): Promise<void> {
  const before = await worker.readCpu();
  const { calls, seconds } = await runLoad(clients, loadMs);
  const after = await worker.readCpu();
  measured.rates.push(calls / seconds);
  if (before !== null && after !== null) measured.cpu.push((after - before) / calls);
  measured.times.push((await runLoad(clients.slice(0, 1), aloneMs)).times);
}
