/** What is asked for, as the guard sees it: a tool, a resource or a prompt. */
export interface Subject {
  kind: "tool" | "resource" | "prompt";
  server: string;
  name: string;
  scope: string;
  effect: Effect;
  /** Counts against the limits of costly tools. */
  costly: boolean;
  /** Names of the top-level arguments that it knows. */
  fields: ReadonlySet<string>;
}

/** What a tool does to the outside. Decides all four MCP hints, so that they cannot contradict each other. */
export type Effect = "read" | "create" | "update" | "delete";
