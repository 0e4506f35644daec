import type { Catalogue, ToolEntry } from "../catalogue.ts";

/** A call as it is judged: the tool that runs, and its arguments. */
export interface ForwardedCall {
  entry: ToolEntry;
  args: Record<string, unknown> | undefined;
  /** The tool that the client named, if it calls another one. */
  by?: ToolEntry;
}

/**
 * The tool that a call runs: the named one, or the one that it calls by `name` and `arguments`. `undefined` if there is
 * no tool of the first name, `"unknown"` if there is none of the second.
 */
export function followCall(
  catalogue: Pick<Catalogue, "tools">,
  name: string,
  args: Record<string, unknown> | undefined,
): ForwardedCall | undefined | { by: ToolEntry; unknown: string } {
  const entry = catalogue.tools.get(name);
  if (entry?.definition.forwards === undefined) return entry && { entry, args };
  const asked = typeof args?.name === "string" ? args.name : "";
  const target = catalogue.tools.get(asked);
  // One that calls others is called by its name: no chain of calls.
  if (target === undefined || target.definition.forwards !== undefined || target.definition.composes)
    return { by: entry, unknown: asked };
  const given = args?.arguments;
  const inner =
    typeof given === "object" && given !== null && !Array.isArray(given) ? given : readText(given);
  return { entry: target, args: inner as Record<string, unknown> | undefined, by: entry };
}

/** Models write arguments within arguments as JSON text. */
function readText(given: unknown): unknown {
  if (typeof given !== "string") return given ?? undefined;
  try {
    return JSON.parse(given);
  } catch {
    return given;
  }
}
