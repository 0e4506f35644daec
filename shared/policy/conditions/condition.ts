import type { z } from "zod";
import type { Effect } from "../../call/subject.ts";

/** What a condition may look at: who asks, from where and when, and what for. */
export interface ConditionFacts {
  /** ISO 3166-1 alpha-2, or `null` when unknown. */
  country: string | null;
  /** Peer address, or `null` when unknown. */
  ip: string | null;
  /** Milliseconds since 1970. */
  at: number;
  /** When the person gave the second factor behind the token, on the same clock; `null` when there was none. */
  mfaAt: number | null;
  /** Name of the tool, resource or prompt. */
  name: string;
  effect: Effect;
  /** The arguments as the tool will get them; absent while nothing is called. */
  args?: Readonly<Record<string, unknown>>;
}

/**
 * Why a requirement does not hold. `deny`: refused. `mfa`: allowed once the person connects the app with a second
 * factor; `reason` is a sentence that follows the condition's own message.
 */
export type Unmet = { kind: "deny" } | { kind: "mfa"; reason: string };

/** One entry of `require`, compiled. */
export interface Requirement {
  /**
   * Gives `null` when the requirement holds. Without arguments: `null` when some arguments could make it hold. An
   * error counts as not holding.
   */
  test(facts: ConditionFacts): Unmet | null;
  /** Whether the answer depends on arguments that are not there; only a requirement that reads arguments says so. */
  dependsOnArguments?(facts: Pick<ConditionFacts, "name" | "effect" | "country">): boolean;
  /** Most milliseconds that a second factor may be old; only a requirement of a second factor says one. */
  maxFactorAgeMs?: number;
}

/** One kind of condition: a field of `require` in the policy. One file of this folder each, listed in `kinds.ts`. */
export interface ConditionKind<Schema extends z.ZodType = z.ZodType> {
  /** What the policy's author writes under the field, with a description for editors. */
  schema: Schema;
  /** True when the requirement reads arguments: then the condition must be about tools alone. */
  readsArguments?: true;
  /** Compiles a value once, for all calls that follow. */
  compile(value: z.output<Schema>): Requirement;
}

/** Declares a kind of condition; infers the type of its value. */
export function defineCondition<Schema extends z.ZodType>(
  kind: ConditionKind<Schema>,
): ConditionKind<Schema> {
  return kind;
}

/** A requirement that denies unless `holds` says true. */
export function denyUnless(holds: (facts: ConditionFacts) => boolean): Requirement {
  return { test: (facts) => (holds(facts) ? null : { kind: "deny" }) };
}
