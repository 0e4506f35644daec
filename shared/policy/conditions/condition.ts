import type { z } from "zod";
import type { ReadLabel } from "../../call/flow-labels.ts";
import type { Effect } from "../../call/subject.ts";

/** The facts that a condition may test: caller, origin, time and subject. */
export interface ConditionFacts {
  /** ISO 3166-1 alpha-2, or `null` when unknown. */
  country: string | null;
  /** Peer address, or `null` when unknown. */
  ip: string | null;
  /** Milliseconds since 1970. */
  at: number;
  /** Time of the second factor behind the token, in milliseconds since 1970; `null` without one. */
  mfaAt: number | null;
  /** SHA-256 fingerprint of the client certificate that Cloudflare has verified; absent without one. */
  certificate?: string;
  /** Name of the tool, resource or prompt. */
  name: string;
  effect: Effect;
  /** Arguments as the tool will get them; absent outside a call. */
  args?: Readonly<Record<string, unknown>>;
  /** What the session has met before the call; absent outside a call. */
  session?: readonly ReadLabel[];
}

/**
 * Why a requirement does not hold. `deny`: refused. `mfa`: allowed once the user connects the app with a
 * second factor; `reason` is a sentence that follows the condition's own message.
 */
export type Unmet = { kind: "deny" } | { kind: "mfa"; reason: string };

/** One compiled entry of `require`. */
export interface Requirement {
  /**
   * Returns `null` if the requirement holds. Without arguments: `null` if some arguments could make it hold.
   * An error counts as not holding.
   */
  test(facts: ConditionFacts): Unmet | null;
  /**
   * Whether the result depends on absent arguments; only a requirement that reads arguments implements it.
   */
  dependsOnArguments?(facts: Pick<ConditionFacts, "name" | "effect" | "country" | "session">): boolean;
  /** Whether the result changes by itself with time. */
  readsTime?: true;
  /** Maximum age of a second factor in milliseconds; only a second-factor requirement sets it. */
  maxFactorAgeMs?: number;
}

/**
 * One kind of condition: a field of `require` in the policy. Each has a file in this folder and a line in
 * `kinds.ts`.
 */
export interface ConditionKind<Schema extends z.ZodType = z.ZodType> {
  /** Schema of the field's value, with a description for editors. */
  schema: Schema;
  /** True if the requirement reads arguments: the condition must then cover only tools. */
  readsArguments?: true;
  /** Compiles a value once for all later calls. */
  compile(value: z.output<Schema>): Requirement;
}

/** Declares a kind of condition; infers the type of its value. */
export function defineCondition<Schema extends z.ZodType>(
  kind: ConditionKind<Schema>,
): ConditionKind<Schema> {
  return kind;
}

/** A requirement that denies unless `holds` returns true. */
export function denyUnless(holds: (facts: ConditionFacts) => boolean): Requirement {
  return { test: (facts) => (holds(facts) ? null : { kind: "deny" }) };
}
