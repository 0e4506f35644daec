import type { AlertRules } from "../../../shared/policy/alerts.ts";
import { type CallCounts, findQuantile } from "../../audit-log/figures/read-figures.ts";
import { type BehaviourFacts, findBehaviour } from "./find-behaviour.ts";
import { type BurnFacts, findBurns } from "./find-burns.ts";

/** Calls of 15 minutes below which shares and percentiles say nothing. */
const FEWEST_CALLS = 20;

const DAY_MS = 24 * 60 * 60_000;

/** What alerts are found from, at one moment. A part that could not be read is absent. */
export interface AlertFacts {
  /** The calls of the last 15 minutes. */
  calls?: CallCounts;
  burns?: BurnFacts;
  behaviour?: BehaviourFacts;
  trail?: {
    deadLetters: number;
    /** Milliseconds since the newest checkpoint; `null` when there is nothing to sign yet. */
    checkpointAgeMs: number | null;
  };
  /** Milliseconds that the oldest stored record waits for being counted. */
  countLagMs?: number;
  parts?: {
    /** Names of parts that do not answer. */
    failing: readonly string[];
    /** Connections with a breaker that is not closed. */
    broken: readonly string[];
    sinks: readonly { name: string; failures: number }[];
  };
  /** API keys whose last secret ends soon: milliseconds that are left, less than 0 when it is over. */
  keys?: readonly { id: string; leftMs: number }[];
  /** Secrets and accounts at other systems that end soon, as `secret shop`, `sign_in corp` or `account shop user_1`. */
  credentials?: readonly { subject: string; leftMs: number }[];
  /** Ids of teams with service accounts and without an active member. */
  teams?: readonly string[];
}

/** The kinds of alerts that each part of the facts tells of. */
export const KINDS_BY_PART = {
  calls: ["failed_calls", "slow_calls", "denials", "limits"],
  burns: ["burn"],
  behaviour: ["denials_in_row", "volume", "new_tools", "new_country"],
  trail: ["dead_letters", "checkpoint"],
  countLagMs: ["counting"],
  parts: ["part", "connection", "sink"],
  keys: ["expiring"],
  credentials: ["expiring_credential"],
  teams: ["team_without_member"],
} as const satisfies Record<keyof AlertFacts, readonly string[]>;

/** What an alert is about. `look`: a part of the facts could not be read. */
export type AlertKind = (typeof KINDS_BY_PART)[keyof AlertFacts][number] | "look";

/** Something that is wrong. The sentence names no person, app or argument. */
export interface FoundAlert {
  kind: AlertKind;
  /** What it is about within its kind; empty for the whole. Of people, apps and keys the id. */
  subject: string;
  text: string;
}

/** Everything that is wrong by the policy's thresholds. Pure. */
export function findAlerts(facts: AlertFacts, rules: AlertRules): FoundAlert[] {
  return [
    ...(facts.calls ? findInCalls(facts.calls, rules) : []),
    ...(facts.burns ? findBurns(facts.burns, rules) : []),
    ...(facts.behaviour ? findBehaviour(facts.behaviour, rules) : []),
    ...(facts.trail ? findInTrail(facts.trail, rules) : []),
    ...findLag(facts.countLagMs ?? 0, rules),
    ...(facts.parts ? findInParts(facts.parts, rules) : []),
    ...(facts.keys ?? []).flatMap(({ id, leftMs }): FoundAlert[] => {
      if (leftMs >= rules.expiry_days * DAY_MS) return [];
      return [{ kind: "expiring", subject: id, text: `An API key ${sayEnd(leftMs)}.` }];
    }),
    ...(facts.credentials ?? []).flatMap(({ subject, leftMs }): FoundAlert[] => {
      if (leftMs >= rules.expiry_days * DAY_MS) return [];
      return [
        { kind: "expiring_credential", subject, text: `${nameCredential(subject)} ${sayEnd(leftMs)}.` },
      ];
    }),
    ...(facts.teams ?? []).map((subject): FoundAlert => {
      const text = "A team with service accounts has no active member: its service accounts are stopped.";
      return { kind: "team_without_member", subject, text };
    }),
  ];
}

function sayEnd(leftMs: number): string {
  const days = Math.ceil(leftMs / DAY_MS);
  return leftMs <= 0 ? "has ended" : `ends within ${days === 1 ? "a day" : `${days} days`}`;
}

function nameCredential(subject: string): string {
  const [kind, name] = subject.split(" ");
  if (kind === "account") return `One person's account at the connection ${name}`;
  return kind === "sign_in"
    ? `The client secret of the sign-in ${name}`
    : `The secret ${name} of connections`;
}

function whole(kind: AlertKind, isWrong: boolean, text: string): FoundAlert[] {
  return isWrong ? [{ kind, subject: "", text }] : [];
}

function findInCalls(calls: CallCounts, rules: AlertRules): FoundAlert[] {
  const ended = calls.ok + calls.failed;
  const share = ended === 0 ? 0 : calls.failed / ended;
  const p95 = findQuantile(calls, 0.95) ?? 0;
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
      calls.denied === 1
        ? "A call was denied within 15 minutes."
        : `${calls.denied} calls were denied within 15 minutes.`,
    ),
    ...whole(
      "limits",
      calls.limited >= rules.limits,
      calls.limited === 1
        ? "A call was over a limit within 15 minutes."
        : `${calls.limited} calls were over a limit within 15 minutes.`,
    ),
  ];
}

function findInTrail(
  { deadLetters, checkpointAgeMs }: NonNullable<AlertFacts["trail"]>,
  rules: AlertRules,
): FoundAlert[] {
  const minutes = Math.floor((checkpointAgeMs ?? 0) / 60_000);
  return [
    ...whole(
      "dead_letters",
      deadLetters >= rules.dead_letters,
      deadLetters === 1
        ? "A message of the audit trail could not be stored."
        : `${deadLetters} messages of the audit trail could not be stored.`,
    ),
    ...whole(
      "checkpoint",
      checkpointAgeMs !== null && minutes >= rules.checkpoint_minutes,
      `The audit trail has no signed checkpoint since ${minutes} minutes.`,
    ),
  ];
}

function findLag(ms: number, rules: AlertRules): FoundAlert[] {
  const minutes = Math.floor(ms / 60_000);
  const text = `Calls are counted ${minutes} minutes late: figures and alerts about calls are as old.`;
  return whole("counting", minutes >= rules.count_minutes, text);
}

function findInParts(parts: NonNullable<AlertFacts["parts"]>, rules: AlertRules): FoundAlert[] {
  return [
    ...parts.failing.map(
      (subject): FoundAlert => ({ kind: "part", subject, text: `${subject} does not answer.` }),
    ),
    ...parts.broken.map((subject): FoundAlert => {
      return {
        kind: "connection",
        subject,
        text: `The connection ${subject} fails, and its breaker is open.`,
      };
    }),
    ...parts.sinks.flatMap(({ name, failures }): FoundAlert[] => {
      if (failures < rules.sink_failures) return [];
      const text = `The copy of the audit trail ${name} failed ${failures} times.`;
      return [{ kind: "sink", subject: name, text }];
    }),
  ];
}
