import { z } from "zod";

/** Section `information_flow` of a policy. */
export const informationFlowSection = z
  .strictObject({
    remembered_hours: z
      .int()
      .min(1)
      .max(720)
      .default(24)
      .describe("Hours after a call for which what it read counts as met."),
    session: z
      .enum(["app", "person"])
      .default("app")
      .describe(
        "Whose calls count together: those of one app of a person, or of all of a person's apps. An app that is connected to two URLs may count as two.",
      ),
  })
  .describe("How a session remembers which kinds of data it has met.")
  .prefault({});

/** {@link informationFlowSection}, parsed. */
export type InformationFlowRules = z.output<typeof informationFlowSection>;

/** How the memory of a session is kept. */
export interface MemoryRules {
  /** Milliseconds for which it is remembered. */
  rememberedMs: number;
  /** Whose calls count together. */
  session: "app" | "person";
}

/** What a session remembers, for how long and for whom. */
export function memoryRules({ remembered_hours, session }: InformationFlowRules): MemoryRules {
  return { rememberedMs: remembered_hours * 60 * 60_000, session };
}
