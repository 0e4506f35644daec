import type { Counts } from "./counts.ts";

/**
 * Cloudflare's prices in US dollars per million of each unit, beyond what the Workers Paid plan includes.
 * Read on {@link PRICES_AS_OF} at developers.cloudflare.com under workers/platform/pricing,
 * durable-objects/platform/pricing, d1/platform/pricing, kv/platform/pricing, queues/platform/pricing and r2/pricing (on 2026-11-30).
 * Without storage.
 */
export const PRICES = {
  workerRequest: 0.3,
  cpuMillisecond: 0.02,
  objectRequest: 0.15,
  gigabyteSecond: 12.5,
  rowRead: 0.001,
  rowWritten: 1,
  keyRead: 0.5,
  keyWrite: 5,
  queueOperation: 0.4,
  objectWrite: 4.5,
  objectRead: 0.36,
} as const;

/** ISO 8601. */
export const PRICES_AS_OF = "2026-11-23";

/** Billed gigabytes of an object while it is awake, independent of its use. */
const OBJECT_GIGABYTES = 0.128;

/** One line of the bill for a million calls. */
export interface CostLine {
  what: string;
  /** Units per call. */
  amount: number;
  /** Dollars per million units. */
  price: number;
  /** Dollars per million calls. */
  dollars: number;
}

/** Durable Object requests per call: every call of a stub, and every alarm. */
export function countObjectRequests(counts: Counts): number {
  return Object.entries(counts)
    .filter(([name]) => name.startsWith("request "))
    .reduce((sum, [, amount]) => sum + amount, 0);
}

/**
 * The bill for a million calls, most expensive line first.
 *
 * @param counts - counters of one call
 * @param cpuMs - CPU milliseconds of one call
 */
export function listCosts(counts: Counts, cpuMs: number): CostLine[] {
  const count = (name: string) => counts[name] ?? 0;
  const line = (what: string, amount: number, price: number): CostLine => ({
    what,
    amount,
    price,
    dollars: amount * price,
  });
  return [
    // A batch of the queue is a request to the Worker too.
    line("Worker requests", 1 + count("queue batches"), PRICES.workerRequest),
    line("CPU milliseconds", cpuMs, PRICES.cpuMillisecond),
    line("object requests", countObjectRequests(counts), PRICES.objectRequest),
    line(
      "object GB-seconds",
      (count("object milliseconds") / 1000) * OBJECT_GIGABYTES,
      PRICES.gigabyteSecond,
    ),
    line("object rows read", count("object rows read"), PRICES.rowRead),
    line("object rows written", count("object rows written"), PRICES.rowWritten),
    line("D1 rows read", count("database rows read"), PRICES.rowRead),
    line("D1 rows written", count("database rows written"), PRICES.rowWritten),
    line("KV reads", count("key reads"), PRICES.keyRead),
    line("KV writes and lists", count("key writes") + count("key lists"), PRICES.keyWrite),
    line("queue operations", count("queue operations"), PRICES.queueOperation),
    line("R2 writes", count("bucket writes"), PRICES.objectWrite),
    line("R2 reads", count("bucket reads"), PRICES.objectRead),
  ].sort((one, other) => other.dollars - one.dollars);
}

/** Dollars of a whole bill. */
export function sumCosts(lines: readonly CostLine[]): number {
  return lines.reduce((sum, { dollars }) => sum + dollars, 0);
}
