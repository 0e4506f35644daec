import { z } from "zod";

/** Section `alerts` of a policy: from when on something counts as wrong. Every field has a default. */
export const alertsSection = z
  .strictObject({
    failed_share: z
      .number()
      .min(0.001)
      .max(1)
      .default(0.2)
      .describe("Share of the calls of 15 minutes that failed, of 20 calls at least."),
    p95_ms: z
      .int()
      .min(1)
      .default(10_000)
      .describe("Milliseconds that 95 % of the calls of 15 minutes stay under, of 20 calls at least."),
    denials: z.int().min(1).default(100).describe("Calls denied within 15 minutes."),
    limits: z.int().min(1).default(200).describe("Calls over a limit within 15 minutes."),
    dead_letters: z.int().min(1).default(1).describe("Records of the trail that could not be stored."),
    checkpoint_minutes: z.int().min(1).default(120).describe("Minutes without a signed checkpoint."),
    count_minutes: z.int().min(1).default(15).describe("Minutes that the counts of calls may be behind."),
    availability: z
      .number()
      .min(0.5)
      .max(0.9999)
      .default(0.99)
      .describe("Objective: share of the calls that do not fail."),
    latency_share: z
      .number()
      .min(0.5)
      .max(0.9999)
      .default(0.95)
      .describe("Objective: share of the calls that take at most `latency_ms`."),
    latency_ms: z
      .union(
        [10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000].map((ms) => z.literal(ms)),
      )
      .default(2_000)
      .describe("Milliseconds of the objective above: a bound of the histogram."),
    burn_fast: z
      .number()
      .min(1)
      .max(1_000)
      .default(14.4)
      .describe(
        "How many times as fast as an objective allows calls fail it, in the last hour and the last 5 minutes.",
      ),
    burn_slow: z
      .number()
      .min(1)
      .max(1_000)
      .default(6)
      .describe("The same in the last 6 hours and the last 30 minutes."),
    denials_in_row: z
      .int()
      .min(1)
      .default(10)
      .describe("Calls of one person denied one after the other within 15 minutes."),
    volume_calls: z
      .int()
      .min(1)
      .default(500)
      .describe("Calls of one person or app in this hour below which nothing is unusual."),
    volume_times: z
      .number()
      .min(1)
      .default(3)
      .describe("How many times the busiest hour of the last 7 days this hour is unusual."),
    new_tools: z
      .int()
      .min(1)
      .default(3)
      .describe(
        "Tools that a person calls for the first time within an hour, a week or more after their first call.",
      ),
    new_countries: z
      .int()
      .min(1)
      .default(1)
      .describe(
        "Countries that a person or app calls from for the first time within a day, a week or more after their first call.",
      ),
    expiry_days: z
      .int()
      .min(1)
      .default(14)
      .describe(
        "Days before its end at which an API key, a secret or a person's account at a connection is reported.",
      ),
    sink_failures: z
      .int()
      .min(1)
      .default(3)
      .describe("Tries in a row that failed to write a copy of the trail."),
  })
  .describe("From when on something is reported as an alert.")
  .prefault({});

/** Thresholds of alerts. */
export type AlertRules = z.output<typeof alertsSection>;
