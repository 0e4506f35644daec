import { z } from "zod";
import type { Effect } from "../../../shared/call/subject.ts";
import type { Definition } from "../../../shared/connections/definitions.ts";
import { digestDefinition } from "../../../shared/connections/definitions.ts";
import { flowOf } from "../../../shared/connections/flow.ts";
import { foreignAddress, foreignName, originalAddress } from "../../../shared/connections/foreign-names.ts";
import type { McpEntry } from "../../../shared/connections/kinds/mcp.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import {
  type Completer,
  defineServer,
  type PromptDefinition,
  type ResourceDefinition,
  type ServerDefinition,
  type ToolDefinition,
} from "../../../shared/server/define.ts";
import { argumentsFromJsonSchema, objectFromJsonSchema } from "../../../shared/server/json-schema-object.ts";
import { firstOfEach } from "../first-of-each.ts";
import { scopesOf } from "../scopes.ts";
import { readContents, readMessages, readSuggestions, readToolResult } from "./answer.ts";
import {
  effectOfHints,
  type McpPrompt,
  type McpResource,
  type McpTool,
  namesOfArguments,
  takesAddress,
} from "./definitions.ts";
import { McpHandle } from "./handle.ts";

/** Milliseconds beyond the other system's limit, so that the object's own words come first. */
const GRACE_MS = 3_000;

type Tool = ToolDefinition<z.ZodObject, z.ZodObject | undefined, McpHandle>;

/** The server of a published MCP connection: its approved definitions, under the connection's name. */
export function mcpServer(
  name: string,
  entry: McpEntry,
  revision: string,
  definitions: readonly Definition[],
): ServerDefinition {
  const of = (type: Definition["type"]) => definitions.filter((one) => one.type === type);
  const tools = firstOfEach(of("tool").map((one) => makeTool(name, entry, one as McpTool)));
  return defineServer<McpHandle>({
    name,
    title: entry.title,
    description: entry.description,
    instructions: `${entry.title}: ${entry.description} Its tools begin with ${name}_ and come from another system.`,
    scopes: scopesOf(
      name,
      entry.title,
      tools.map(({ scope }) => scope),
    ),
    baseline: `${name}:read`,
    defaults: z.object({}),
    store: (env, principal, masks) => new McpHandle({ env, name, revision, entry, principal, masks }),
    tools,
    resources: firstOfEach(
      [...of("resource"), ...of("template")].map((one) => makeResource(name, entry, one as McpResource)),
      ({ uri, uriTemplate }) => uri ?? `template ${uriTemplate}`,
    ),
    prompts: firstOfEach(of("prompt").map((one) => makePrompt(name, entry, one as McpPrompt))),
  }) as ServerDefinition;
}

/** What a tool does, by the entry or by its own hints. */
function effectOf(entry: McpEntry, { name, annotations = {} }: McpTool): Effect {
  const said = entry.tools[name]?.effect;
  return said ?? effectOfHints(annotations);
}

const SCOPES: Readonly<Record<Effect, "read" | "write" | "delete">> = {
  read: "read",
  create: "write",
  update: "write",
  delete: "delete",
};

function makeTool(connection: string, entry: McpEntry, tool: McpTool): Tool {
  const effect = effectOf(entry, tool);
  const digest = digestDefinition(tool);
  const headers = JSON.stringify(tool.inputSchema).includes('"x-mcp-header"') ? tool.inputSchema : {};
  const place = { connection, title: entry.title, isRepeatable: effect === "read" };
  return {
    name: foreignName(connection, tool.name),
    title: tool.title ?? tool.name,
    description: tool.description || `${tool.title ?? tool.name} of ${entry.title}.`,
    effect,
    scope: `${connection}:${SCOPES[effect]}`,
    ...flowOf(entry, effect, entry.tools[tool.name]?.flow, takesAddress(namesOfArguments(tool))),
    openWorld: tool.annotations?.openWorldHint ?? true,
    ...(tool.annotations?.idempotentHint !== undefined && { idempotent: tool.annotations.idempotentHint }),
    relays: true,
    timeoutMs: entry.limits.seconds * 1_000 + GRACE_MS,
    input: argumentsFromJsonSchema(tool.inputSchema),
    ...(tool.outputSchema !== undefined && { output: objectFromJsonSchema(tool.outputSchema) }),
    async run(input, context) {
      const given = JSON.parse(JSON.stringify(input)) as JsonValue;
      const operation = {
        name: "call_tool" as const,
        arguments: { name: tool.name, arguments: given, digest, headers },
        repeatable: place.isRepeatable,
      };
      const { answer, isSuspicious } = readToolResult(place, await context.store.perform(operation, context));
      if (isSuspicious) await context.store.record("instructions");
      return answer as never;
    },
  };
}

function makeResource(connection: string, entry: McpEntry, one: McpResource): ResourceDefinition<McpHandle> {
  const address = foreignAddress(connection, one.name);
  const place = { connection, title: entry.title };
  const variables = [...one.name.matchAll(/\{([A-Za-z_][A-Za-z0-9_]*)\}/g)].map(([, variable]) =>
    String(variable),
  );
  const ref = { type: "ref/resource", uri: one.name };
  return {
    // Policy globs name resources by this name.
    name: foreignName(connection, one.label),
    title: one.title ?? one.label,
    description: one.description || `${one.label} of ${entry.title}.`,
    ...(one.type === "resource" ? { uri: address } : { uriTemplate: address }),
    mimeType: one.mimeType ?? "text/plain",
    scope: `${connection}:read`,
    // Words that fill the address in go to the other system.
    sends: flowOf(entry, "read", undefined, one.type === "template").sends,
    complete: Object.fromEntries(variables.map((variable) => [variable, suggest(place, ref, variable)])),
    async read({ uri }, context) {
      const operation = {
        name: "read_resource" as const,
        arguments: { uri: originalAddress(connection, uri) },
        repeatable: true,
      };
      return readContents(place, await context.store.perform(operation, context));
    },
  };
}

function makePrompt(
  connection: string,
  entry: McpEntry,
  prompt: McpPrompt,
): PromptDefinition<z.ZodObject, McpHandle> {
  const place = { connection, title: entry.title };
  const ref = { type: "ref/prompt", name: prompt.name };
  const fields = prompt.arguments.map(({ name, description, required }) => {
    const field = z.string().max(20_000).describe(description);
    return [name, required ? field : field.optional()] as const;
  });
  return {
    name: foreignName(connection, prompt.name),
    title: prompt.title ?? prompt.name,
    description: prompt.description || `${prompt.name} of ${entry.title}.`,
    scope: `${connection}:read`,
    sends: flowOf(entry, "read", undefined, prompt.arguments.length > 0).sends,
    relays: true,
    arguments: z.object(Object.fromEntries(fields)),
    complete: Object.fromEntries(prompt.arguments.map(({ name }) => [name, suggest(place, ref, name)])),
    async run(input, context) {
      const operation = {
        name: "get_prompt" as const,
        arguments: { name: prompt.name, arguments: JSON.parse(JSON.stringify(input)) as JsonValue },
        repeatable: true,
      };
      return readMessages(place, await context.store.perform(operation, context));
    },
  };
}

function suggest(
  place: { connection: string; title: string },
  ref: Record<string, JsonValue>,
  argument: string,
): Completer<McpHandle> {
  return async (value, context, others) => {
    const given = { ref, argument: { name: argument, value }, others };
    const answer = await context.store.perform(
      { name: "complete", arguments: given, repeatable: true },
      context,
    );
    return readSuggestions(place, answer);
  };
}
