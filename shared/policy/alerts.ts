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
