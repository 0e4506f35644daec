import { z } from "zod";
import { ToolError } from "../../call/tool-error.ts";
import type { JsonValue } from "../../encoding/json.ts";
import { SESSION_SCOPE } from "../../policy/decide.ts";
import { findNearMisses } from "../../text/near-misses.ts";
import { cutText } from "../../text/well-formed.ts";
import { defineTool, type OfferedTool, type ToolContext, type ToolDefinition } from "../define.ts";
import type { ToolIndex } from "./tool-index.ts";

/** Tools that one search gives, and that one description has. */
const MOST_FOUND = 20;
const MOST_DESCRIBED = 5;

/** Characters of a description in a list of found tools. */
const SHORT = 160;

/** Any JSON; the called tool checks it. */
const ANYTHING = z.record(z.string(), z.unknown()).default({}).describe("Its arguments, by its description");

type SearchTool = ToolDefinition<z.ZodObject, z.ZodObject | undefined, unknown>;

/**
 * The tools of a URL whose lists stay small: they find, describe and call the others. What the caller may not use is not
 * found, and a call passes the guard as the tool that it names.
 *
 * @param index - of all tools of the URL
 */
export function searchTools(index: () => Promise<ToolIndex>): SearchTool[] {
  return [findTool(index), describeTool(), callTool("read"), callTool("write")] as unknown as SearchTool[];
}

function findTool(index: () => Promise<ToolIndex>) {
  return defineTool({
    name: "tools_find",
    title: "Find a tool",
    description:
      "Finds tools by what you want to do, in a few English words such as «open an issue». Then call one with tools_read or tools_write; read its arguments first with tools_describe.",
    effect: "read",
    scope: SESSION_SCOPE,
    input: z.object({
      query: z.string().min(1).max(500).describe("What you want to do"),
      limit: z.int().min(1).max(MOST_FOUND).default(6),
    }),
    output: z.object({
      tools: z.array(
        z.object({
          name: z.string(),
          call_with: z.string(),
          about: z.string(),
          arguments: z.string().describe("`?`: optional"),
        }),
      ),
    }),
    async run({ query, limit }, { offered }: ToolContext) {
      const allowed = new Map(offered().map((tool) => [tool.name, tool]));
      const found = (await index())
        .search(query)
        .flatMap((name) => allowed.get(name) ?? [])
        .slice(0, limit);
      return { tools: found.map((tool) => ({ ...briefly(tool), arguments: listArguments(tool) })) };
    },
  });
}

function describeTool() {
  return defineTool({
    name: "tools_describe",
    title: "Describe tools",
    description: "Gives the full description and the arguments of tools that tools_find has found.",
    effect: "read",
    scope: SESSION_SCOPE,
    input: z.object({ names: z.array(z.string().max(64)).min(1).max(MOST_DESCRIBED) }),
    output: z.object({
      tools: z.array(
        z.object({
          name: z.string(),
          call_with: z.string(),
          description: z.string(),
          input: z.record(z.string(), z.unknown()).describe("JSON Schema of its arguments"),
          answer: z.unknown().optional(),
        }),
      ),
    }),
    async run({ names }, { offered }: ToolContext) {
      const allowed = offered();
      return {
        tools: names.map((name) => {
          const tool = allowed.find((one) => one.name === name);
          if (tool === undefined) throw unknownTool(name, allowed);
          const { about: _short, ...brief } = briefly(tool);
          const { inputSchema, outputSchema } = tool.listed();
          return {
            ...brief,
            description: tool.description,
            input: inputSchema as Record<string, JsonValue>,
            ...(outputSchema !== undefined && { answer: outputSchema }),
          };
        }),
      };
    },
  });
}

function callTool(kind: "read" | "write") {
  const reads = kind === "read";
  return defineTool({
    name: `tools_${kind}`,
    title: reads ? "Call a tool that reads" : "Call a tool that changes something",
    description: reads
      ? "Calls a tool that tools_find has found and that only reads."
      : "Calls a tool that tools_find has found and that creates, changes, sends or deletes something.",
    effect: reads ? "read" : "delete",
    scope: SESSION_SCOPE,
    openWorld: true,
    // The tools that it calls are judged, each as itself.
    reads: [],
    sends: "nothing",
    idempotent: reads,
    input: z.object({ name: z.string().max(64).describe("Name of the tool"), arguments: ANYTHING }),
    forwards: { reads },
    async run() {
      // The guard has called the other tool in place of this one.
      throw new TypeError("A call of another tool does not reach this one.");
    },
  });
}

/** No tool of this name that the caller may use, with those that are spelt alike. */
export function unknownTool(name: string, offered: readonly OfferedTool[]): ToolError {
  const near = findNearMisses(
    cutText(name, 64),
    offered.map((tool) => tool.name),
  );
  const closest = near.length > 0 ? ` Closest: ${near.join(", ")}.` : "";
  return new ToolError("not_found", `There is no tool "${cutText(name, 64)}" for you here.${closest}`, {
    suggestedAction: "Find it with tools_find, and give the name as it is written there.",
  });
}

function briefly(tool: OfferedTool): { name: string; call_with: string; about: string } {
  const text = tool.description.startsWith(tool.title)
    ? tool.description
    : `${tool.title}: ${tool.description}`;
  const about = text.length <= SHORT ? text : `${cutText(text, SHORT - 1)}…`;
  return { name: tool.name, call_with: tool.effect === "read" ? "tools_read" : "tools_write", about };
}

function listArguments(tool: OfferedTool): string {
  const { properties = {}, required = [] } = tool.listed().inputSchema as {
    properties?: Record<string, unknown>;
    required?: string[];
  };
  const names = Object.keys(properties).sort(
    (one, other) => Number(required.includes(other)) - Number(required.includes(one)),
  );
  const shown = names.slice(0, 12).map((name) => (required.includes(name) ? name : `${name}?`));
  return `${shown.join(", ")}${names.length > shown.length ? ", …" : ""}`;
}
