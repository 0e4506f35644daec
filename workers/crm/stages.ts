/** All stages of a deal, in the order of the pipeline. */
export const STAGES = ["lead", "qualified", "proposal", "negotiation", "won", "lost"] as const;

/** Stage of a deal. */
export type Stage = (typeof STAGES)[number];

/** The stages of open deals. */
export const OPEN_STAGES = [
  "lead",
  "qualified",
  "proposal",
  "negotiation",
] as const satisfies readonly Stage[];

/**
 * Allowed next stages of each stage. Deals advance one step at a time, may go back, and are won only from
 * `proposal` or `negotiation`. A closed deal can only be reopened.
 */
const NEXT_STAGES: Readonly<Record<Stage, readonly Stage[]>> = {
  lead: ["qualified", "lost"],
  qualified: ["lead", "proposal", "lost"],
  proposal: ["qualified", "negotiation", "won", "lost"],
  negotiation: ["qualified", "proposal", "won", "lost"],
  won: ["negotiation"],
  lost: ["lead", "qualified"],
};

/** Win probability of a stage; weights the pipeline's forecast. */
export const WIN_CHANCE: Readonly<Record<Stage, number>> = {
  lead: 0.1,
  qualified: 0.25,
  proposal: 0.5,
  negotiation: 0.75,
  won: 1,
  lost: 0,
};

/** Whether a deal in this stage is closed. */
export function isClosed(stage: Stage): boolean {
  return stage === "won" || stage === "lost";
}

/** The stages that a deal may move to from `stage`. */
export function listNextStages(stage: Stage): readonly Stage[] {
  return NEXT_STAGES[stage];
}

/** Whether a move needs a reason: losing and reopening a deal do. */
export function needsReason(from: Stage, to: Stage): boolean {
  return to === "lost" || isClosed(from);
}
