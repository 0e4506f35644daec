/** What kinds of data a session can meet: the company's own, and what others wrote. */
export const READ_LABELS = ["private", "untrusted"] as const;

/**
 * `private`: data of the company or of people. `untrusted`: text that others may have written, and that may try to
 * give a model orders.
 */
export type ReadLabel = (typeof READ_LABELS)[number];

/** Where the arguments of a call go: `outside` of the company, or nowhere but into its own systems. */
export type Sends = "outside" | "nothing";

/** What a tool, resource or prompt does to the flow of information. */
export interface FlowLabels {
  /** What its answers bring to the model. */
  reads: readonly ReadLabel[];
  sends: Sends;
}

/** What a session has met of one label, and by which tools, resources and prompts; the newest last. */
export interface Met {
  label: ReadLabel;
  names: readonly string[];
}

/** The labels in a session's memory. */
export function labelsOf(met: readonly Met[]): ReadLabel[] {
  return met.map(({ label }) => label);
}
