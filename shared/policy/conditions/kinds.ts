import { z } from "zod";
import { certificate } from "./certificate.ts";
import type { ConditionKind, Requirement } from "./condition.ts";
import { countries } from "./countries.ts";
import { expression } from "./expression.ts";
import { hours } from "./hours.ts";
import { mfaMaxAge } from "./mfa-max-age.ts";
import { networks } from "./networks.ts";

/** Kinds of conditions, by their field under `require`. A new kind is one file and one line. */
const CONDITION_KINDS = {
  expression,
  countries,
  networks,
  hours,
  mfa_max_age: mfaMaxAge,
  certificate,
} as const satisfies Readonly<Record<string, ConditionKind>>;

type Kinds = typeof CONDITION_KINDS;
type KindName = keyof Kinds;

const KINDS = Object.entries(CONDITION_KINDS) as [KindName, ConditionKind][];

type Fields = { [Name in KindName]: z.ZodOptional<Kinds[Name]["schema"]> };

/** `require` of a condition: at least one kind; all must hold. */
export const requirementSchema = z
  .strictObject(Object.fromEntries(KINDS.map(([name, { schema }]) => [name, schema.optional()])) as Fields)
  .refine((required) => Object.keys(required).length > 0, "must require something");

/** `require` as the policy's author writes it. */
export type RequirementDocument = z.output<typeof requirementSchema>;

/** The set fields of `require` that read arguments. */
export function findArgumentReaders(required: RequirementDocument): string[] {
  return KINDS.filter(([name, kind]) => kind.readsArguments && required[name] !== undefined).map(
    ([name]) => name,
  );
}

/** Compiles every set requirement. Throws `ExpressionError` for an invalid expression. */
export function compileRequirements(required: RequirementDocument): Requirement[] {
  return KINDS.flatMap(([name, kind]) => {
    const value = required[name];
    return value === undefined ? [] : [kind.compile(value)];
  });
}
