import { daysOf, type RecordKind, type RetentionRules } from "../policy/retention.ts";
import type { AuditEvent } from "./record.ts";

const DAY_MS = 24 * 60 * 60_000;

/** Retention kind of each event type. A new type does not compile until it is added here. */
const KINDS: Readonly<Record<AuditEvent["type"], RecordKind>> = {
  intent: "calls",
  outcome: "calls",
  denial: "denials",
  approval_requested: "calls",
  approval_granted: "calls",
  approval_refused: "calls",
  approval_expired: "calls",
  approval_executed: "calls",
  approval_returned: "calls",
  approval_decision: "calls",
  standing_approval: "calls",
  event_subscription: "calls",
  standing_decision: "calls",
  sign_in: "sign_ins",
  sign_out: "sign_ins",
  second_factor: "sign_ins",
  consent: "sign_ins",
  revocation: "sign_ins",
  password_change: "sign_ins",
  key_change: "changes",
  client_registration: "sign_ins",
  token_reuse: "sign_ins",
  assertion: "sign_ins",
  person_change: "changes",
  person_key_change: "changes",
  team_change: "changes",
  policy_change: "changes",
  connection_secret: "changes",
  connection_review: "changes",
  account_connection: "changes",
  file_transfer: "calls",
  connection_refusal: "denials",
  hold: "changes",
  data_export: "changes",
  redrive: "changes",
  work_ended: "changes",
  alert_silence: "changes",
  erasure: "changes",
};

/**
 * By event type, the time before which an event must have been recorded to be past its retention at `now`.
 */
export function cutoffsAt(rules: RetentionRules, now: number): Record<string, number> {
  return Object.fromEntries(
    Object.entries(KINDS).map(([type, kind]) => [type, now - daysOf(rules, kind) * DAY_MS]),
  );
}

/** Kind of a part of a chain: that of its events' retention, and its own for the event that states an erasure. */
export type PartKind = RecordKind | "erasure";

/** The part of its chain and day that an event of this type belongs to. */
export function partKindOf(type: AuditEvent["type"]): PartKind {
  return type === "erasure" ? "erasure" : KINDS[type];
}

/** The day (UTC) of a time in milliseconds, in days since the epoch. */
export function dayOf(at: number): number {
  return Math.floor(at / DAY_MS);
}

/** By kind of part, the first day that is not yet past its retention at `now`: a day's events are removed together. */
export function firstKeptDays(rules: RetentionRules, now: number): Record<PartKind, number> {
  const first = (kind: RecordKind) => dayOf(now - daysOf(rules, kind) * DAY_MS);
  return {
    calls: first("calls"),
    denials: first("denials"),
    sign_ins: first("sign_ins"),
    changes: first("changes"),
    erasure: first("changes"),
  };
}
