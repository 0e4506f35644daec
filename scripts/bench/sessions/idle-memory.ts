import { setTimeout as wait } from "node:timers/promises";
import type { Stand } from "./stand.ts";

/** Sessions opened before the first measurement, so that the runtime's one-time memory is not counted. */
const WARM_UP = 3_000;

/** Sessions of each kind to divide the memory by. */
const MEASURED = 1_500;

/** Milliseconds without a message after which every object has hibernated: the runtime takes ten seconds. */
export const HIBERNATION_MS = 15_000;

/** Bytes per idle session, averaged over the sessions of each kind. */
export interface IdleMemory {
  sessions: number;
  /** In the Worker's heap, after garbage collection, without an open connection. */
  alone: number;
  /** The same with an open GET stream. */
  listening: number;
  /**
   * In the runtime's process, everything included: the average of both kinds, because the process grows in
   * steps.
   */
  process: number;
}

/**
 * Opens sessions of both kinds in one runtime, lets their objects hibernate, and divides the growth of the
 * runtime.
 */
export async function measureIdleMemory(stand: Stand, say: (what: string) => void): Promise<IdleMemory> {
  await stand.open(WARM_UP, true);
  const first = await settle(stand);
  say(`${WARM_UP} idle sessions to begin with`);
  await stand.open(MEASURED, false);
  const second = await settle(stand);
  const alone = (second.heap - first.heap) / MEASURED;
  say(`${MEASURED} more without a stream: ${inKiB(alone)} of the Worker's heap each`);
  await stand.open(MEASURED, true);
  const third = await settle(stand);
  const listening = (third.heap - second.heap) / MEASURED;
  say(`${MEASURED} more with a stream: ${inKiB(listening)} of the Worker's heap each`);
  const process = (third.process - first.process) / (2 * MEASURED);
  return { sessions: MEASURED, alone, listening, process };
}

/** Formats bytes. */
export function inKiB(bytes: number): string {
  return `${(bytes / 1024).toFixed(1)} KiB`;
}

async function settle(stand: Stand): Promise<{ heap: number; process: number }> {
  await wait(HIBERNATION_MS);
  const heap = await stand.worker.readLiveHeap();
  return { heap, process: (await stand.look()).memory };
}
