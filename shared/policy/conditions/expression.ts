import { z } from "zod";
import { compileExpression, EXPRESSION_LIMIT } from "../expression.ts";
import { type ConditionFacts, defineCondition, denyUnless } from "./condition.ts";

type ExpressionSubject = Pick<ConditionFacts, "name" | "effect" | "country" | "session"> & {
  args?: ConditionFacts["args"] | undefined;
};

/** A CEL expression over the arguments of a tool. */
export const expression = defineCondition({
  schema: z
    .string()
    .min(1)
    .max(EXPRESSION_LIMIT)
    .describe(
      'CEL (cel.dev) that must be true. Knows `args`, `tool`, `effect`, `country` and `session.has("private", "untrusted")`. An error counts as false.',
    ),
  readsArguments: true,
  compile(source) {
    const compiled = compileExpression(source);
    const evaluate = ({ name, effect, country, args, session }: ExpressionSubject) =>
      compiled.evaluate({
        ...{ tool: name, effect, country: country ?? "" },
        ...(args !== undefined && { args }),
        ...(session !== undefined && { session }),
      });
    return {
      ...denyUnless((facts) => ["true", "unknown"].includes(evaluate(facts))),
      dependsOnArguments: (facts) => evaluate({ ...facts, args: undefined }) === "unknown",
    };
  },
});
