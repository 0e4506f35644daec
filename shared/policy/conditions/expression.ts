import { z } from "zod";
import { compileExpression, EXPRESSION_LIMIT } from "../expression.ts";
import { type ConditionFacts, defineCondition, denyUnless } from "./condition.ts";

type ExpressionSubject = Pick<ConditionFacts, "name" | "effect" | "country"> & {
  args?: ConditionFacts["args"] | undefined;
};

/** A CEL expression over the arguments of a tool. */
export const expression = defineCondition({
  schema: z
    .string()
    .min(1)
    .max(EXPRESSION_LIMIT)
    .describe(
      "CEL (cel.dev) that must be true. Knows `args`, `tool`, `effect` and `country`. An error counts as false.",
    ),
  readsArguments: true,
  compile(source) {
    const compiled = compileExpression(source);
    const evaluate = ({ name, effect, country, args }: ExpressionSubject) =>
      compiled.evaluate({ tool: name, effect, country: country ?? "", ...(args !== undefined && { args }) });
    return {
      ...denyUnless((facts) => ["true", "unknown"].includes(evaluate(facts))),
      dependsOnArguments: (facts) => evaluate({ ...facts, args: undefined }) === "unknown",
    };
  },
});
