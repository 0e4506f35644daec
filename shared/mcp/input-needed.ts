import type { JsonValue } from "./json.ts";

/** A request to the client that a stateless call cannot wait for. */
export interface InputRequestSpec {
  /** Stable within one call: the order in which the tool asked. */
  key: string;
  method: "elicitation/create" | "sampling/createMessage";
  params: Record<string, JsonValue>;
}

/**
 * Leaves a call of the stateless generation in order to ask; the call is entered again from its start with the
 * answer (MCP 2026-07-28, multi-round-trip requests). Not an error: the guard lets it pass.
 */
export class InputNeeded extends Error {
  readonly request: InputRequestSpec;

  constructor(request: InputRequestSpec) {
    super("The call needs input from the client.");
    this.name = "InputNeeded";
    this.request = request;
  }
}
