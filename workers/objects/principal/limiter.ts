import { SlidingLog, WINDOW_MS } from "../../../shared/guard/sliding-log.ts";
import type { AdmissionRequest, LimitName, Refusal } from "../../../shared/objects/admission-request.ts";
import type { LimitMemory, Taken } from "./audit-trail.ts";
import { DailyQuota } from "./daily-quota.ts";
import { RunningCalls } from "./running-calls.ts";

/** Milliseconds after its deadline that a call without an outcome keeps its place. */
const LEASE_GRACE_MS = 5_000;

/** A call that asks to be let through. */
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
 * All limits of one person. Deciding and writing happen in one turn of a single-threaded object, so a limit of N lets
 * exactly N through, however many ask at once. What it let through the caller writes down in the same turn, and a
 * limiter that starts with what was written goes on where this one ended: an eviction changes nothing. A refused call
 * uses nothing up.
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

  /** Lets the call through and counts it, or says which limit it has to wait for the longest. */
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

  /** Gives the place of a finished call back. */
  release(callId: string): void {
    this.#running.end(callId);
  }

  /** Calls that have a place. */
  get running(): number {
    return this.#running.count;
  }

  #log(key: string): SlidingLog {
    const log = this.#logs.get(key) ?? new SlidingLog();
    this.#logs.set(key, log);
    return log;
  }

  /** Forgets apps and tools that were not called within the window. */
  #sweep(now: number): void {
    if (Math.abs(now - this.#sweptAt) < WINDOW_MS) return;
    this.#sweptAt = now;
    for (const [key, log] of this.#logs) if (log.isEmpty(now)) this.#logs.delete(key);
  }
}

/** The logs that a call is written to: the person's, the app's, and that of a costly tool. */
function keysOf(clientId: string, costlyTool: string | null): [string, string, ...string[]] {
  const tool = costlyTool === null ? [] : [`tool ${costlyTool}`];
  return ["user", `client ${clientId}`, ...tool];
}
