/** The tool, resource or prompt that a request names, as the guard sees it. */
export interface Subject {
  kind: "tool" | "resource" | "prompt";
  server: string;
  name: string;
  scope: string;
  effect: Effect;
  /** Counts against the limits of costly tools. */
  costly: boolean;
  /** Names of the known top-level arguments. */
  fields: ReadonlySet<string>;
}

/**
 * What a tool does to external state. All four MCP hints derive from it, so they cannot contradict each
 * other.
 */
export type Effect = "read" | "create" | "update" | "delete";
