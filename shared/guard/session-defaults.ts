import type { JsonValue } from "../encoding/json.ts";
import { masksOf } from "../policy/masks.ts";
import type { ToolDefinition } from "../server/define.ts";
import { forgiveArguments } from "../server/forgive-arguments.ts";
import { maskDefaults } from "./masking/mask-session-memory.ts";
import type { RequestContext } from "./request-context.ts";

/** An argument that a session default filled in. */
export interface AppliedDefault {
  field: string;
  value: JsonValue;
}

/** The defaults that a call used, masked for the reader: a larger role may have set them. */
export function describeDefaults(
  { catalogue, policy, identity }: RequestContext,
  applied: readonly AppliedDefault[],
): string {
  const values = Object.fromEntries(applied.map(({ field, value }) => [field, value]));
  const shown = maskDefaults(catalogue, values, masksOf(policy, identity.role));
  return applied
    .map(({ field }) => {
      const value = shown[field];
      return value === undefined
        ? field
        : `${field}=${typeof value === "string" ? value : JSON.stringify(value)}`;
    })
    .join(", ");
}

/** Fills omitted arguments from the session's defaults, and returns which ones. */
export function inheritDefaults(
  tool: ToolDefinition,
  args: Record<string, unknown>,
  defaults: Readonly<Record<string, JsonValue>>,
  applied: AppliedDefault[],
): Record<string, unknown> {
  // Null arguments are dropped first, so that a default can replace them.
  const filled: Record<string, unknown> = { ...forgiveArguments(tool.input, args) };
  for (const field of tool.inherits ?? []) {
    const value = defaults[field];
    if (filled[field] !== undefined || value === undefined) continue;
    filled[field] = value;
    applied.push({ field, value });
  }
  return filled;
}
