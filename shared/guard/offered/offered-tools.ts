import { JSON_RPC, ProtocolFault } from "../../call/protocol-fault.ts";
import { ToolError } from "../../call/tool-error.ts";
import { SESSION_SCOPE } from "../../policy/decide.ts";
import type { OfferedTool } from "../../server/define.ts";
import type { ForwardedCall } from "../../server/search/forwarded-call.ts";
import { findNearMisses } from "../../text/near-misses.ts";
import { isVisible } from "../decide.ts";
import type { RequestContext } from "../request-context.ts";
import { visible } from "../visible.ts";

/** A call of another tool that is made in the wrong way. About a tool that the caller may not use the guard decides. */
export function findMisuse(
  { policy, identity }: RequestContext,
  { by, entry, args }: ForwardedCall,
): ToolError | null {
  if (by?.definition.forwards === undefined || !isVisible(policy, identity, entry.subject)) return null;
  if (args !== undefined && (typeof args !== "object" || Array.isArray(args)))
    return new ToolError("invalid_input", "arguments: must be one JSON object.");
  const reads = entry.subject.effect === "read";
  if (reads === by.definition.forwards.reads) return null;
  const what = reads
    ? "only reads: call it with tools_read."
    : "changes something: call it with tools_write.";
  return new ToolError("invalid_input", `${entry.subject.name} ${what}`);
}

/** The tools of the URL that the caller may use, for those that find others. */
export function listOffered({ policy, identity, catalogue }: RequestContext): OfferedTool[] {
  return visible(policy, identity, catalogue.tools.values()).flatMap((entry) => {
    const { name, title, description, effect, scope } = entry.definition;
    return scope === SESSION_SCOPE ? [] : [{ name, title, description, effect, listed: () => entry.listed }];
  });
}

/** Suggests similar tools among those that this user can see. */
export function refuseUnknownTool(
  { catalogue, policy, identity }: RequestContext,
  name: string,
): ProtocolFault {
  const visible = [...catalogue.tools.values()].filter(({ subject }) => isVisible(policy, identity, subject));
  const near = findNearMisses(
    name,
    visible.map(({ definition }) => definition.name),
  );
  const closest = near.length > 0 ? `. Closest: ${near.join(", ")}` : "";
  return new ProtocolFault(JSON_RPC.invalidParams, `Unknown tool: ${name}${closest}`);
}
