import { setTimeout as wait } from "node:timers/promises";
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
  storage: Storage;
  /** Milliseconds that the tool works before it answers. */
  workMs?: number;
}

/** Where a Worker keeps its data: on the disk, where a commit waits for it, or in memory. */
export type Storage = "disk" | "tmpfs";

/** Results of one variant in one generation, one entry per round. */
export interface Measured {
  variant: Variant;
  generation: Generation;
  storage: Storage;
  /** Calls per second under load. */
  rates: number[];
  /** CPU milliseconds per call under load; empty where the system does not report it. */
  cpu: number[];
  /** Milliseconds of each call of a single client. */
  times: number[][];
  /** CPU milliseconds per call until all background work of a load has ended; `null` where the system does not report it. */
  drainedCpu: number | null;
}

/** Concurrent clients of the throughput measurement; more where there are more people, so that each has one. */
export function countClients(people: number): number {
  return Math.max(16, people);
}

/** Durations in milliseconds, and number of rounds. */
export interface Plan {
  rounds: number;
  /** Minimum rounds on a machine too busy for all. */
  fewestRounds: number;
  /** Load before the background work is waited for; 0 leaves that out. */
  drainLoadMs: number;
  warmUpMs: number;
  loadMs: number;
  aloneMs: number;
}

/** The plan behind published figures. Fewer rounds than two are not meaningful. */
export const WHOLE_PLAN: Plan = {
  rounds: 5,
  fewestRounds: 2,
  drainLoadMs: 1_000,
  warmUpMs: 500,
  loadMs: 800,
  aloneMs: 500,
};

/** The shortest plan that runs everything. */
export const SHORT_PLAN: Plan = {
  rounds: 1,
  fewestRounds: 1,
  drainLoadMs: 0,
  warmUpMs: 100,
  loadMs: 200,
  aloneMs: 100,
};

/** The target of a client of one generation at a variant. */
export function targetOf(
  { variant, worker, publicUrl, workMs }: Stand,
  generation: Generation,
  token: string,
): Target {
  const own = workMs === undefined ? {} : { workMs };
  const place = { port: worker.port, host: new URL(publicUrl).host, ...own };
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
        Array.from({ length: countClients(stand.tokens.length) }, (_, index) => {
          const token = stand.tokens[index % stand.tokens.length] ?? "";
          return connectClient(generation, targetOf(stand, generation, token));
        }),
      );
      await runLoad(clients, plan.warmUpMs);
      const { variant, storage } = stand;
      const none = { rates: [], cpu: [], times: [], drainedCpu: null };
      const measured: Measured = { variant, generation, storage, ...none };
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
  if (plan.drainLoadMs > 0) {
    say("waiting for the background work of a load");
    for (const generation of GENERATIONS) {
      await drain(
        cells.filter(({ measured }) => measured.generation === generation),
        plan.drainLoadMs,
      );
    }
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

/** Milliseconds without work after which a Worker has drained: longer than the delays of alarms and batches. */
const QUIET_MS = 7_000;
/** Milliseconds of CPU time that a Worker uses meanwhile without any work to do. */
const IDLE_CPU_MS = 100;

/** Loads Workers one after the other, and waits until the work that their calls left behind has ended. */
async function drain(
  cells: readonly { clients: readonly Client[]; worker: RunningWorker; measured: Measured }[],
  loadMs: number,
): Promise<void> {
  await Promise.all(cells.map(({ worker }) => waitForQuiet(worker)));
  const loaded = [];
  for (const { clients, worker, measured } of cells) {
    const before = await worker.readCpu();
    const { calls } = await runLoad(clients, loadMs);
    loaded.push({ worker, measured, before, calls });
  }
  await Promise.all(
    loaded.map(async ({ worker, measured, before, calls }) => {
      const after = await waitForQuiet(worker);
      if (before !== null && after !== null) measured.drainedCpu = (after - before) / calls;
    }),
  );
}

/** The CPU time of a Worker when it has drained; `null` where the system does not report it. */
async function waitForQuiet(worker: RunningWorker): Promise<number | null> {
  for (;;) {
    const before = await worker.readCpu();
    await wait(QUIET_MS);
    const after = await worker.readCpu();
    if (before === null || after === null) return null;
    if (after - before < IDLE_CPU_MS) return before;
  }
}
