import { z } from "zod";
import type { Effect } from "../../../shared/call/subject.ts";
import { type Definition, MOST_OF_ONE } from "../../../shared/connections/definitions.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import { cleanLine, cleanText, countHidden } from "../../../shared/text/clean-text.ts";

/** UTF-16 units of the texts of a definition. */
const LONGEST = { name: 200, title: 100, description: 8_000, words: 2_000, uri: 1_000 } as const;

/** Most items of one type; a server with more is cut, and the review says so. */
const MOST_ITEMS = 2_000;

const schema = z.record(z.string(), z.json());

const listedTool = z.object({
  name: z.string(),
  title: z.string().optional(),
  description: z.string().optional(),
  inputSchema: schema.optional(),
  outputSchema: schema.optional(),
  annotations: z
    .object({
      title: z.string().optional(),
      readOnlyHint: z.boolean().optional(),
      destructiveHint: z.boolean().optional(),
      idempotentHint: z.boolean().optional(),
      openWorldHint: z.boolean().optional(),
    })
    .optional(),
});

const listedResource = z.object({
  uri: z.string(),
  name: z.string(),
  title: z.string().optional(),
  description: z.string().optional(),
  mimeType: z.string().optional(),
});

const listedPrompt = z.object({
  name: z.string(),
  title: z.string().optional(),
  description: z.string().optional(),
  arguments: z
    .array(
      z.object({ name: z.string(), description: z.string().optional(), required: z.boolean().optional() }),
    )
    .max(50)
    .optional(),
});

/** A tool of an MCP server, as it is reviewed and pinned. */
export type McpTool = Definition & {
  type: "tool";
  title?: string;
  description: string;
  inputSchema: Record<string, JsonValue>;
  outputSchema?: Record<string, JsonValue>;
  annotations?: Partial<
    Record<"readOnlyHint" | "destructiveHint" | "idempotentHint" | "openWorldHint", boolean>
  >;
};

/** What a tool says that it does (MCP, `ToolAnnotations`). Without hints it may do anything. */
export function effectOfHints({
  readOnlyHint,
  destructiveHint,
}: NonNullable<McpTool["annotations"]>): Effect {
  if (readOnlyHint === true) return "read";
  if (destructiveHint === true) return "delete";
  return destructiveHint === false ? "create" : "update";
}

/** Names of a tool's arguments. */
export function namesOfArguments({ inputSchema }: McpTool): string[] {
  const { properties } = inputSchema;
  return typeof properties === "object" && properties !== null ? Object.keys(properties) : [];
}

/** Whether a tool with these arguments takes an address, by their names. */
export function takesAddress(names: readonly string[]): boolean {
  return names.some((name) =>
    /(?:^|[_-])(?:urls?|uris?|href|link|links|webhook|address|host|domain)$/i.test(splitWords(name)),
  );
}

/** `pageUrl` → `page_Url`. */
function splitWords(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, "$1_$2");
}

/** A resource or a template of an MCP server; `name` is its URI or its URI template. */
export type McpResource = Definition & {
  type: "resource" | "template";
  label: string;
  title?: string;
  description: string;
  mimeType?: string;
};

/** A prompt of an MCP server. */
export type McpPrompt = Definition & {
  type: "prompt";
  title?: string;
  description: string;
  arguments: { name: string; description: string; required: boolean }[];
};

/** An item that cannot be offered, and why. */
export interface LeftOut {
  type: Definition["type"];
  name: string;
  reason: string;
}

/** What a server lists. The server's data: never trusted. */
export interface Listed {
  tools: readonly unknown[];
  resources: readonly unknown[];
  templates: readonly unknown[];
  prompts: readonly unknown[];
}

/** Definitions of what a server lists: bounded, cleaned, without icons and `_meta`; and what has no place. */
export function describeListed(listed: Listed): { definitions: Definition[]; leftOut: LeftOut[] } {
  const definitions = new Map<string, Definition>();
  const leftOut: LeftOut[] = [];
  const read = (
    type: Definition["type"],
    items: readonly unknown[],
    describe: (item: unknown) => Definition,
  ) => {
    for (const item of items.slice(0, MOST_ITEMS)) {
      const name = nameOf(item);
      try {
        const hidden = countHiddenIn(item as JsonValue);
        // A reviewer has to know of what cleaning took out.
        const one = { ...describe(item), ...(hidden > 0 && { hidden }) };
        const reason = definitions.has(`${type} ${one.name}`) ? "is listed twice" : findFault(one);
        if (reason === null) definitions.set(`${type} ${one.name}`, one);
        else leftOut.push({ type, name, reason });
      } catch {
        leftOut.push({ type, name, reason: "is no valid definition" });
      }
    }
    if (items.length > MOST_ITEMS)
      leftOut.push({ type, name: "…", reason: `only the first ${MOST_ITEMS} of ${items.length} are read` });
  };
  read("tool", listed.tools, describeTool);
  read("resource", listed.resources, (item) => describeResource("resource", listedResource.parse(item)));
  read("template", listed.templates, (item) => {
    const { uriTemplate } = z.object({ uriTemplate: z.string() }).parse(item);
    return describeResource("template", listedResource.parse({ ...(item as object), uri: uriTemplate }));
  });
  read("prompt", listed.prompts, describePrompt);
  return { definitions: [...definitions.values()], leftOut };
}

function describeTool(item: unknown): McpTool {
  const tool = listedTool.parse(item);
  const { title: hintedTitle, ...hints } = tool.annotations ?? {};
  const title = tool.title ?? hintedTitle;
  return {
    type: "tool",
    name: tool.name,
    ...(title !== undefined && { title: cleanLine(title, LONGEST.title) }),
    description: cleanText(tool.description ?? "", LONGEST.description),
    inputSchema: cleanSchema(tool.inputSchema ?? { type: "object" }),
    ...(tool.outputSchema !== undefined && { outputSchema: cleanSchema(tool.outputSchema) }),
    ...(Object.keys(hints).length > 0 && { annotations: hints }),
  } as McpTool;
}

function describeResource(type: McpResource["type"], item: z.output<typeof listedResource>): McpResource {
  return {
    type,
    name: item.uri,
    label: cleanLine(item.name, LONGEST.title),
    ...(item.title !== undefined && { title: cleanLine(item.title, LONGEST.title) }),
    description: cleanText(item.description ?? "", LONGEST.words),
    ...(item.mimeType !== undefined && { mimeType: cleanLine(item.mimeType, 100) }),
  } as McpResource;
}

function describePrompt(item: unknown): McpPrompt {
  const prompt = listedPrompt.parse(item);
  return {
    type: "prompt",
    name: prompt.name,
    ...(prompt.title !== undefined && { title: cleanLine(prompt.title, LONGEST.title) }),
    description: cleanText(prompt.description ?? "", LONGEST.words),
    arguments: (prompt.arguments ?? []).map(({ name, description, required }) => ({
      name,
      description: cleanLine(description ?? "", LONGEST.words),
      required: required ?? false,
    })),
  } as McpPrompt;
}

/** Texts for readers are cleaned; words that decide what is valid stay. Examples and comments are left out. */
function cleanSchema(value: Record<string, JsonValue>): Record<string, JsonValue> {
  const visit = (part: JsonValue): JsonValue => {
    if (Array.isArray(part)) return part.map(visit);
    if (typeof part !== "object" || part === null) return part;
    return Object.fromEntries(
      Object.entries(part).flatMap(([word, inner]) => {
        if (word === "$comment" || (word === "examples" && Array.isArray(inner))) return [];
        const isText = (word === "description" || word === "title") && typeof inner === "string";
        return [[word, isText ? cleanText(inner, LONGEST.words) : visit(inner)]];
      }),
    );
  };
  return visit(value) as Record<string, JsonValue>;
}

/** Hidden characters in the texts and names of a value, however deep. */
function countHiddenIn(root: JsonValue): number {
  let count = 0;
  const waiting: JsonValue[] = [root];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (typeof next === "string") count += countHidden(next);
    else if (typeof next === "object" && next !== null) {
      for (const name of Object.keys(next)) count += countHidden(name);
      waiting.push(...(Object.values(next) as JsonValue[]).filter((inner) => inner !== undefined));
    }
  }
  return count;
}

/** Why an item has no place, or `null`. */
function findFault(one: Definition): string | null {
  const longest = one.type === "tool" || one.type === "prompt" ? LONGEST.name : LONGEST.uri;
  if (one.name.length > longest) return "has a name that is too long";
  if (countHidden(one.name) > 0 || /\s/.test(one.name)) return "has hidden characters or spaces in its name";
  const size = JSON.stringify(one).length;
  if (size > MOST_OF_ONE) return `has ${size} characters; at most ${MOST_OF_ONE} are kept`;
  if (one.type === "template" && !isPlainTemplate(one.name))
    return "is a template with more than {name}, which is not supported";
  if ((one.type === "resource" || one.type === "template") && !/^[A-Za-z][A-Za-z0-9+.-]*:/.test(one.name))
    return "has no URI with a scheme";
  if (one.type === "tool" && (one as McpTool).inputSchema.type !== "object")
    return "takes arguments that are no object";
  return null;
}

/** RFC 6570 level 1. */
function isPlainTemplate(template: string): boolean {
  return !/[{}]/.test(template.replace(/\{[A-Za-z_][A-Za-z0-9_]*\}/g, ""));
}

function nameOf(item: unknown): string {
  const { name, uri, uriTemplate } = (item ?? {}) as Record<string, unknown>;
  const text = [name, uri, uriTemplate].find((value) => typeof value === "string") as string | undefined;
  return cleanLine(text ?? "(without a name)", 100);
}
