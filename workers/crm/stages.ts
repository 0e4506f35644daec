/** Every stage a deal can be in, in the order of the pipeline. */
export const STAGES = ["lead", "qualified", "proposal", "negotiation", "won", "lost"] as const;

/** Where a deal stands. */
export type Stage = (typeof STAGES)[number];

/** The stages of deals that are still worked on. */
export const OPEN_STAGES = [
  "lead",
  "qualified",
  "proposal",
  "negotiation",
] as const satisfies readonly Stage[];

/**
 * From each stage, where a deal may go. Deals advance one step at a time, may fall back, and are won only from
 * an offer that exists. A closed deal can only be reopened.
 */
const NEXT_STAGES: Readonly<Record<Stage, readonly Stage[]>> = {
  lead: ["qualified", "lost"],
  qualified: ["lead", "proposal", "lost"],
  proposal: ["qualified", "negotiation", "won", "lost"],
  negotiation: ["qualified", "proposal", "won", "lost"],
  won: ["negotiation"],
  lost: ["lead", "qualified"],
};

/** How likely a deal of this stage is to be won; weighs the pipeline's forecast. */
export const WIN_CHANCE: Readonly<Record<Stage, number>> = {
  lead: 0.1,
  qualified: 0.25,
  proposal: 0.5,
  negotiation: 0.75,
  won: 1,
  lost: 0,
};

/** Whether a deal of this stage is finished. */
export function isClosed(stage: Stage): boolean {
  return stage === "won" || stage === "lost";
}

/** The stages that a deal may move to from `stage`. */
export function listNextStages(stage: Stage): readonly Stage[] {
  return NEXT_STAGES[stage];
}

/** Whether a move must say why: a loss teaches only with its reason, and reopening rewrites the past. */
export function needsReason(from: Stage, to: Stage): boolean {
  return to === "lost" || isClosed(from);
}
