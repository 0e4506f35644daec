import { SlidingLog, WINDOW_MS } from "../../../shared/guard/sliding-log.ts";
import type { AdmissionRequest, LimitName, Refusal } from "../../../shared/objects/admission-request.ts";
import type { LimitMemory, Taken } from "./audit-trail.ts";
import { DailyQuota } from "./daily-quota.ts";
import { RunningCalls } from "./running-calls.ts";

/** Milliseconds after its deadline that a call without an outcome keeps its slot. */
const LEASE_GRACE_MS = 5_000;

/** A call that asks for admission. */
export interface LimitedCall {
  callId: string;
  clientId: string;
  claim: Pick<AdmissionRequest, "costlyTool" | "timeoutMs" | "limits">;
}

interface Wait {
  limit: LimitName;
  ms: number;
}

/**
 * All limits of one user. Decision and write happen in one turn of a single-threaded object, so a limit of N
 * admits exactly N, however many ask at once. The caller stores each admission in the same turn, and a new
 * limiter starts from the stored ones, so an eviction changes nothing. A refused call consumes nothing.
 */
export class Limiter {
  readonly #logs = new Map<string, SlidingLog>();
  readonly #running: RunningCalls;
  readonly #quota: DailyQuota;
  #sweptAt = 0;

  constructor({ passed, places, use }: LimitMemory) {
    for (const { at, clientId, costlyTool } of passed) {
      for (const key of keysOf(clientId, costlyTool)) this.#log(key).add(at);
    }
    this.#running = new RunningCalls(places);
    this.#quota = new DailyQuota(use);
  }

  /** Admits and counts the call, or returns the limit with the longest wait. */
  take({ callId, clientId, claim }: LimitedCall, now: number): { taken: Taken } | { refusal: Refusal } {
    const { limits, costlyTool } = claim;
    const units = costlyTool === null ? 1 : limits.costlyUnits;
    const [user, client, tool] = keysOf(clientId, costlyTool);
    const waits: Wait[] = [
      { limit: "callsPerClient", ms: this.#log(client).waitFor(limits.callsPerClient, now) },
      { limit: "callsPerUser", ms: this.#log(user).waitFor(limits.callsPerUser, now) },
      { limit: "concurrentCalls", ms: this.#running.waitFor(limits.concurrentCalls, now) },
      { limit: "unitsPerDay", ms: this.#quota.waitFor(units, limits.unitsPerDay, now) },
    ];
    if (tool !== undefined) {
      waits.push({
        limit: "callsPerCostlyTool",
        ms: this.#log(tool).waitFor(limits.callsPerCostlyTool, now),
      });
    }
    const longest = waits.reduce((worst, wait) => (wait.ms > worst.ms ? wait : worst));
    if (longest.ms > 0) {
      const retryAfter = Math.ceil(longest.ms / 1000);
      const { limit } = longest;
      return { refusal: { code: "rate_limited", limit, allowed: limits[limit], retryAfter } };
    }
    for (const key of keysOf(clientId, costlyTool)) this.#log(key).add(now);
    const leaseMs = claim.timeoutMs + LEASE_GRACE_MS;
    this.#running.start({ callId, at: now, leaseMs });
    this.#quota.spend(units);
    this.#sweep(now);
    return { taken: { at: now, costlyTool, leaseMs, use: this.#quota.read() } };
  }

  /** Frees the slot of a finished call. */
  release(callId: string): void {
    this.#running.end(callId);
  }

  /** Calls with a slot. */
  get running(): number {
    return this.#running.count;
  }

  #log(key: string): SlidingLog {
    const log = this.#logs.get(key) ?? new SlidingLog();
    this.#logs.set(key, log);
    return log;
  }

  /** Deletes the logs of apps and tools without calls in the window. */
  #sweep(now: number): void {
    if (Math.abs(now - this.#sweptAt) < WINDOW_MS) return;
    this.#sweptAt = now;
    for (const [key, log] of this.#logs) if (log.isEmpty(now)) this.#logs.delete(key);
  }
}

/** The logs that count a call: the user's, the app's, and a costly tool's. */
function keysOf(clientId: string, costlyTool: string | null): [string, string, ...string[]] {
  const tool = costlyTool === null ? [] : [`tool ${costlyTool}`];
  return ["user", `client ${clientId}`, ...tool];
}
