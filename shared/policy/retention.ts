import { z } from "zod";

const days = (count: number, what: string) =>
  z.int().min(1).max(36_500).default(count).describe(`Days for which the records of ${what} are kept.`);

/** The section `retention` of a policy. Everything has a default, so that a policy without it is complete. */
export const retentionSection = z
  .strictObject({
    calls_days: days(400, "calls: who ran what, and how it ended"),
    denials_days: days(400, "refused calls"),
    sign_ins_days: days(90, "what people did on the pages: sign-ins, consents, revocations, passwords"),
    changes_days: days(1_100, "what administrators did: people, roles, holds, erasures"),
    legal_hold: z
      .boolean()
      .default(false)
      .describe("True stops every removal, for everybody. For one person: npm run audit -- hold"),
  })
  .describe("How long what is recorded is kept.")
  .prefault({});

/** How long what is recorded is kept, in days. */
export type RetentionRules = z.output<typeof retentionSection>;

/** The kinds of records that {@link RetentionRules} tell apart. */
export type RecordKind = "calls" | "denials" | "sign_ins" | "changes";

/** The days for which records of a kind are kept. */
export function daysOf(rules: RetentionRules, kind: RecordKind): number {
  return rules[`${kind}_days`];
}
