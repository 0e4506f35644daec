import { z } from "zod";

const days = (count: number, what: string) =>
  z.int().min(1).max(36_500).default(count).describe(`Days for which the records of ${what} are kept.`);

/** Section `retention` of a policy. Every field has a default, so the section is optional. */
export const retentionSection = z
  .strictObject({
    calls_days: days(400, "calls: who ran what, and how it ended"),
    denials_days: days(400, "refused calls"),
    sign_ins_days: days(90, "what people did on the pages: sign-ins, consents, revocations, passwords"),
    changes_days: days(1_100, "what administrators did: people, roles, holds, erasures"),
    legal_hold: z
      .boolean()
      .default(false)
      .describe("True stops every removal, for all users. For one user: npm run audit -- hold"),
  })
  .describe("Retention of recorded events.")
  .prefault({});

/** Retention of recorded events, in days. */
export type RetentionRules = z.output<typeof retentionSection>;

/** Kinds of records with a retention of their own. */
export type RecordKind = "calls" | "denials" | "sign_ins" | "changes";

/** Retention of a kind, in days. */
export function daysOf(rules: RetentionRules, kind: RecordKind): number {
  return rules[`${kind}_days`];
}
