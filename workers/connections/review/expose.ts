import type { Definition } from "../../../shared/connections/definitions.ts";
import type { ConnectionEntry } from "../../../shared/connections/entry.ts";
import { matchExposed } from "../sql/expose.ts";

/** Whether an entry offers a definition: `expose` of an MCP server, and tools that it turns off. */
export function openExposure(entry: ConnectionEntry): (definition: Definition) => boolean {
  if (entry.kind !== "mcp") return () => true;
  const { tools, except, resources, prompts } = entry.expose;
  const isOffered = matchExposed({ tables: tools, except });
  return ({ type, name }) => {
    if (type === "prompt") return prompts;
    if (type !== "tool") return resources;
    return isOffered(name) && entry.tools[name]?.off !== true;
  };
}
