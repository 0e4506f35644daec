import { isDeepStrictEqual } from "node:util";
import type { ReadLabel } from "../../call/flow-labels.ts";
import { compilePolicy, type Policy } from "../compile.ts";
import { decide } from "../decide.ts";
import { type MemoryRules, memoryRules } from "../flow/information-flow.ts";
import type { PolicyDocument } from "../schema.ts";
import type { Known, KnownSubject } from "./known.ts";
import type { RecordedCall } from "./recorded-calls.ts";

/** Examples per kind of change. */
const EXAMPLES = 2;

/** Decision of a draft on one call. */
export interface Verdict {
  call: RecordedCall;
  role: string;
  /**
   * `undecidable`: it depends on arguments or a second factor, which are not recorded. `unknown`: the name is
   * not registered.
   */
  to: string;
  /** The deciding rule of the draft. */
  rule: string;
}

/** The draft to judge with, and the policy in force, whose conditions were already applied. */
export interface Bench {
  draft: PolicyDocument;
  inForce: PolicyDocument;
  known: Known;
  /** Current roles of users, by id: for records without a role. */
  roles: ReadonlyMap<string, string>;
}

/** Judges recorded calls by a draft. */
export function replay(calls: readonly RecordedCall[], bench: Bench): Verdict[] {
  const policy = compilePolicy(bench.draft);
  const sessions = new Sessions(memoryRules(policy.informationFlow));
  return calls.map((call) => {
    const role = roleOf(call.rule) ?? bench.roles.get(call.userId) ?? "";
    // What an API key leaves out, its owner left out, whatever the policy says.
    if (call.rule.startsWith("key.")) return { call, role, to: call.decision, rule: call.rule };
    const subject = bench.known.subjects.find(({ kind, name }) => kind === call.kind && name === call.name);
    if (subject === undefined) return { call, role, to: "unknown", rule: "" };
    const principal = {
      role,
      // An admitted call had its scope. A denied one may have had it: assumes the scope, to see what the
      // draft allows.
      scopes: call.decision === "scope" ? [] : [subject.scope],
      ip: call.ip,
      country: call.country,
      at: call.at,
      mfaAt: null,
    };
    const session = sessions.before(call);
    const decision = decide(policy, principal, { ...withoutArguments(subject), session });
    sessions.meet(call, subject.reads);
    const decided = { call, role, rule: decision.rule };
    if (decision.kind === "deny") return { ...decided, to: decision.kind };
    if (decision.kind === "mfa" || asksArguments(policy, role, call, subject, session)) {
      // The same conditions would decide the same arguments in the same way.
      const same = haveSameConditions(bench.draft, bench.inForce, role);
      return { ...decided, to: same && call.decision !== "scope" ? call.decision : "undecidable" };
    }
    const facts = { tool: subject.name, effect: subject.effect, country: call.country ?? "", session };
    const approval = approvalsOf(policy, role, subject).find(
      ({ when }) => when === null || when.evaluate(facts) === "true",
    );
    if (decision.kind === "allow" && approval) return { ...decided, to: "approval", rule: approval.rule };
    return { ...decided, to: decision.kind };
  });
}

function withoutArguments({ kind, name, scope, effect, sends }: KnownSubject) {
  return { kind, name, scope, effect, sends };
}

/** What each person's sessions with each app had met, by the recorded calls in the sequence of time. */
class Sessions {
  readonly #rules: MemoryRules;
  readonly #met = new Map<string, Map<ReadLabel, number>>();

  constructor(rules: MemoryRules) {
    this.#rules = rules;
  }

  before(call: RecordedCall): ReadLabel[] {
    return [...this.#of(call)].flatMap(([label, at]) =>
      at + this.#rules.rememberedMs > call.at ? [label] : [],
    );
  }

  /** A call that was refused read nothing; one that asked for an approval may have run. */
  meet(call: RecordedCall, reads: readonly ReadLabel[]): void {
    if (call.decision !== "allow" && call.decision !== "approval") return;
    for (const label of reads) this.#of(call).set(label, call.at);
  }

  #of({ userId, clientId }: RecordedCall): Map<ReadLabel, number> {
    const key = JSON.stringify([userId, this.#rules.session === "app" ? clientId : ""]);
    const known = this.#met.get(key) ?? new Map<ReadLabel, number>();
    this.#met.set(key, known);
    return known;
  }
}

function approvalsOf(policy: Policy, role: string, subject: KnownSubject) {
  const rules =
    subject.kind === "tool" || subject.sends === "outside" ? (policy.roles.get(role)?.approvals ?? []) : [];
  return rules.filter(({ covers }) => covers(subject));
}

/** Whether a condition or an approval of the role reads the call's arguments and no other rule decides it. */
function asksArguments(
  policy: Policy,
  role: string,
  call: RecordedCall,
  subject: KnownSubject,
  session: readonly ReadLabel[],
): boolean {
  const facts = { tool: subject.name, effect: subject.effect, country: call.country ?? "", session };
  const conditions = (policy.roles.get(role)?.conditions ?? []).filter(({ covers }) => covers(subject));
  const { name, effect } = subject;
  return (
    conditions.some(({ requirements }) =>
      requirements.some((one) => one.dependsOnArguments?.({ name, effect, country: call.country, session })),
    ) || approvalsOf(policy, role, subject).some(({ when }) => when?.evaluate(facts) === "unknown")
  );
}

function haveSameConditions(one: PolicyDocument, other: PolicyDocument, role: string): boolean {
  const asked = ({ roles }: PolicyDocument) => [
    roles[role]?.conditions ?? [],
    roles[role]?.require_approval ?? [],
    roles[role]?.mfa ?? "optional",
  ];
  return isDeepStrictEqual(asked(one), asked(other));
}

/**
 * `roles.sales.allowed_tools[2]` contains the role at the time of the call; a rule about the token does not.
 */
function roleOf(rule: string): string | null {
  return /^roles\.([^.]+)\./.exec(rule)?.[1] ?? null;
}

/** Calls of one role and one name whose decision would change in the same way. */
export interface ChangedCalls {
  role: string;
  name: string;
  from: string;
  to: string;
  members: readonly [Verdict, ...Verdict[]];
}

/** The changes by role, name and kind, the most frequent first. */
export function groupChanges(verdicts: readonly Verdict[]): ChangedCalls[] {
  const changed = verdicts.filter(({ call, to }) => call.decision !== to);
  const groups = Map.groupBy(changed, ({ call, role, to }) =>
    JSON.stringify([role, call.name, call.decision, to]),
  );
  return [...groups.values()]
    .flatMap(([first, ...rest]) => {
      if (first === undefined) return [];
      const { call, role, to } = first;
      return [{ role, name: call.name, from: call.decision, to, members: [first, ...rest] as const }];
    })
    .sort((one, other) => other.members.length - one.members.length);
}

/** The changes of recorded calls as text, with examples. */
export function report(verdicts: readonly Verdict[], days: number): string {
  const changed = verdicts.filter(({ call, to }) => call.decision !== to);
  const guessed = verdicts.filter(({ call }) => roleOf(call.rule) === null).length;
  const head = `${verdicts.length} calls in ${days} days; ${changed.length === 0 ? "nothing" : changed.length} would change.`;
  const lines = groupChanges(verdicts).flatMap(({ role, name, from, to, members }) => {
    const examples = members.slice(0, EXAMPLES).map(({ call, rule }) => {
      const time = new Date(call.at).toISOString().slice(0, 16).replace("T", " ");
      return `         ${time}  call ${call.callId}  ${rule}`.trimEnd();
    });
    return [
      `${String(members.length).padStart(7)}  ${(role || "?").padEnd(10)} ${name.padEnd(28)} ${from} → ${to}`,
      ...examples,
    ];
  });
  const notes = [
    ...(changed.some(({ to }) => to === "undecidable")
      ? ["undecidable: the draft looks at arguments or the second factor, and these are not recorded."]
      : []),
    ...(changed.some(({ to }) => to === "unknown")
      ? ["unknown: this release has nothing of that name."]
      : []),
    ...(guessed > 0
      ? [`For ${guessed} calls the record does not tell the role; the person's role now was used.`]
      : []),
  ];
  return [head, ...lines, ...notes].join("\n");
}
