import type { AlertRules } from "../../../shared/policy/alerts.ts";
import { type CallCounts, findQuantile } from "../../audit-log/figures/read-figures.ts";

/** Calls of 15 minutes below which shares and percentiles say nothing. */
const FEWEST_CALLS = 20;

/** What alerts are found from, at one moment. */
export interface AlertFacts {
  /** The calls of the last 15 minutes. */
  calls: CallCounts;
  deadLetters: number;
  /** Milliseconds since the newest checkpoint; `null` when there is nothing to sign yet. */
  checkpointAgeMs: number | null;
  /** Names of parts that do not answer. */
  failingParts: readonly string[];
  /** Connections with a breaker that is not closed. */
  brokenConnections: readonly string[];
  sinks: readonly { name: string; failures: number }[];
}

/** Something that is wrong. The sentence names no person, app or argument. */
export interface FoundAlert {
  kind:
    | "failed_calls"
    | "slow_calls"
    | "denials"
    | "limits"
    | "dead_letters"
    | "checkpoint"
    | "part"
    | "connection"
    | "sink";
  /** What it is about within its kind; empty for the whole. */
  subject: string;
  text: string;
}

/** Everything that is wrong by the policy's thresholds. Pure. */
export function findAlerts(facts: AlertFacts, rules: AlertRules): FoundAlert[] {
  const { calls, deadLetters, checkpointAgeMs } = facts;
  const ended = calls.ok + calls.failed;
  const share = ended === 0 ? 0 : calls.failed / ended;
  const p95 = findQuantile(calls, 0.95) ?? 0;
  const whole = (kind: FoundAlert["kind"], isWrong: boolean, text: string): FoundAlert[] =>
    isWrong ? [{ kind, subject: "", text }] : [];
  const minutes = Math.floor((checkpointAgeMs ?? 0) / 60_000);
  return [
    ...whole(
      "failed_calls",
      ended >= FEWEST_CALLS && share >= rules.failed_share,
      `${Math.round(share * 100)} % of ${ended} calls failed within 15 minutes.`,
    ),
    ...whole(
      "slow_calls",
      ended >= FEWEST_CALLS && p95 >= rules.p95_ms,
      `5 % of ${ended} calls took longer than ${Math.round(p95)} ms within 15 minutes.`,
    ),
    ...whole(
      "denials",
      calls.denied >= rules.denials,
      `${calls.denied} calls were denied within 15 minutes.`,
    ),
    ...whole(
      "limits",
      calls.limited >= rules.limits,
      `${calls.limited} calls were over a limit within 15 minutes.`,
    ),
    ...whole(
      "dead_letters",
      deadLetters >= rules.dead_letters,
      `${deadLetters} messages of the audit trail could not be stored.`,
    ),
    ...whole(
      "checkpoint",
      checkpointAgeMs !== null && minutes >= rules.checkpoint_minutes,
      `The audit trail has no signed checkpoint since ${minutes} minutes.`,
    ),
    ...facts.failingParts.map(
      (subject): FoundAlert => ({ kind: "part", subject, text: `${subject} does not answer.` }),
    ),
    ...facts.brokenConnections.map((subject): FoundAlert => {
      return {
        kind: "connection",
        subject,
        text: `The connection ${subject} fails, and its breaker is open.`,
      };
    }),
    ...facts.sinks.flatMap(({ name, failures }): FoundAlert[] => {
      if (failures < rules.sink_failures) return [];
      return [
        {
          kind: "sink",
          subject: name,
          text: `The copy of the audit trail ${name} failed ${failures} times.`,
        },
      ];
    }),
  ];
}
