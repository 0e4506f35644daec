import type { FlowLabels } from "./flow-labels.ts";

/** The tool, resource, prompt or event that a request names, as the guard sees it. */
export interface Subject extends FlowLabels {
  kind: "tool" | "resource" | "prompt" | "event";
  server: string;
  name: string;
  scope: string;
  effect: Effect;
  /** Counts against the limits of costly tools. */
  costly: boolean;
  /** Gives what earlier calls of the session kept. */
  recalls?: boolean;
  /** Names of the known top-level arguments. */
  fields: ReadonlySet<string>;
}

/**
 * What a tool does to external state. All four MCP hints derive from it, so they cannot contradict each
 * other.
 */
export type Effect = "read" | "create" | "update" | "delete";
