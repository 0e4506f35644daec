import { z } from "zod";
import type { Sends } from "../../call/flow-labels.ts";
import type { Effect } from "../../call/subject.ts";

/** What a rule asks of the tools that it names, besides their names. */
export const useFields = {
  effects: z
    .array(z.enum(["read", "create", "update", "delete"]))
    .min(1)
    .optional()
    .describe("Only those with these effects; all when left out."),
  sends: z
    .literal("outside")
    .optional()
    .describe("Only tools whose arguments leave the company; all when left out."),
};

/** What a tool does, as rules look at it. */
export interface Use {
  effect: Effect;
  sends: Sends;
}

/** Whether a rule with these fields is about a tool that does this. */
export function isAbout(
  { effects, sends }: { effects?: readonly Effect[] | undefined; sends?: "outside" | undefined },
  use: Use,
): boolean {
  return (
    (effects === undefined || effects.includes(use.effect)) && (sends === undefined || sends === use.sends)
  );
}
