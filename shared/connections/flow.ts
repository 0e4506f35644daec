import { z } from "zod";
import { type FlowLabels, READ_LABELS } from "../call/flow-labels.ts";
import type { Effect } from "../call/subject.ts";

/** What an entry, or its treatment of one tool, says of the flow of information. */
export const flowField = z
  .strictObject({
    reads: z
      .array(z.enum(READ_LABELS))
      .max(READ_LABELS.length)
      .optional()
      .describe("What answers bring to the model: `private` data, `untrusted` text of others."),
    sends: z
      .enum(["outside", "nothing"])
      .optional()
      .describe("`outside`: the arguments of calls leave the company."),
  })
  .describe("Replaces the labels of the kind; see docs/guard.md.");

/** {@link flowField}, parsed. */
export type FlowField = z.output<typeof flowField>;

/** Kinds whose systems belong to others, or hold what others wrote. */
const FOREIGN: readonly string[] = ["mcp", "openapi"];

/**
 * The labels of one tool of a connection. By default a database gives private data, unless its data is public; any
 * other system gives untrusted text, also private data where its class says so, and what is written to it leaves the
 * company.
 *
 * @param own - what the entry says of this tool alone
 * @param reaches - whether it takes an address, which it may ask for: then reading sends something out, too
 */
export function flowOf(
  { kind, data_class, flow }: { kind: string; data_class: string; flow?: FlowField | undefined },
  effect: Effect,
  own?: FlowField | undefined,
  reaches = false,
): FlowLabels {
  const isForeign = FOREIGN.includes(kind);
  const isPrivate = isForeign ? data_class === "pii" || data_class === "secret" : data_class !== "public";
  const usual: FlowLabels = {
    reads: [...(isPrivate ? (["private"] as const) : []), ...(isForeign ? (["untrusted"] as const) : [])],
    sends: isForeign && (effect !== "read" || reaches) ? "outside" : "nothing",
  };
  return {
    reads: own?.reads ?? flow?.reads ?? usual.reads,
    sends: own?.sends ?? flow?.sends ?? usual.sends,
  };
}
