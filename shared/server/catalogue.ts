import { z } from "zod";
import type { FlowLabels } from "../call/flow-labels.ts";
import type { MaskRules } from "../call/mask-rules.ts";
import type { PrincipalIdentity } from "../call/principal.ts";
import type { Subject } from "../call/subject.ts";
import type { JsonValue } from "../encoding/json.ts";
import { GATEWAY } from "../objects/change-gate.ts";
import { compileGlobs } from "../policy/glob.ts";
import type { SessionMemory } from "../session/session-memory.ts";
import { codeTool, openCodeStore } from "./code/code-tool.ts";
import { contextTools } from "./context-tools.ts";
import type {
  Definitions,
  PromptDefinition,
  ResourceDefinition,
  ServerDefinition,
  ToolDefinition,
} from "./define.ts";
import type { EventDefinition } from "./define-event.ts";
import { eventEntry, once } from "./event-entry.ts";
import { followRevisions } from "./follow-revisions.ts";
import { gatewayEvents } from "./gateway-events.ts";
import { type ParameterHeader, parameterHeadersOf } from "./parameter-headers.ts";
import { annotationsOf, inputSchemaOf, outputSchemaOf } from "./schema.ts";
import { searchTools } from "./search/search-tools.ts";
import type { SearchedTool } from "./search/tool-index.ts";
import { compileTemplate, type UriMatcher } from "./uri-template.ts";

/** A list item as sent. */
export type Listed = Record<string, JsonValue | undefined>;

/** A definition with the data that the guard and the lists need. */
export interface Entry<Definition> {
  definition: Definition;
  subject: Subject;
  listed: Listed;
  openStore(env: Env, principal: PrincipalIdentity, masks: MaskRules, session: SessionMemory): unknown;
}

/** A tool with the arguments that clients repeat as headers. */
export interface ToolEntry extends Entry<ToolDefinition> {
  /** Lists leave it out: it is found by search. It can be called by its name all the same. */
  unlisted: boolean;
  parameterHeaders: readonly ParameterHeader[];
}

/** A resource template, compiled. */
export interface TemplateEntry extends Entry<ResourceDefinition> {
  matcher: UriMatcher;
}

/**
 * Everything that one MCP URL offers, prepared once per isolate and revision. Lists keep the registry's
 * order.
 */
export interface Catalogue {
  /** Path segment, or `""` for the URL with all servers. */
  name: string;
  title: string;
  instructions: string;
  tools: ReadonlyMap<string, ToolEntry>;
  resources: ReadonlyMap<string, Entry<ResourceDefinition>>;
  templates: readonly TemplateEntry[];
  prompts: ReadonlyMap<string, Entry<PromptDefinition>>;
  events: ReadonlyMap<string, Entry<EventDefinition>>;
  servers: readonly ServerDefinition[];
  /** The same URL's catalogue under a publication's revisions; itself if they are the same. */
  at(env: Env, revisions: Revisions): Promise<Catalogue>;
  /** Session defaults of its servers. */
  defaults: z.ZodObject;
}

/** The revision in force of each server with published definitions, by server name. */
export type Revisions = ReadonlyMap<string, string>;

/** Servers that exist because a publication names a revision of them, besides those of the registry. */
export interface PublishedServers {
  /** The names among these revisions that are such servers of one URL. */
  choose(revisions: Revisions): readonly string[];
  /** The server of one revision. Rejects if the revision cannot be read or is not one of this release. */
  open(env: Env, name: string, revision: string): Promise<ServerDefinition>;
}

const NOT_PUBLISHED: PublishedServers = {
  choose: () => [],
  open: (_env, name) => Promise.reject(new TypeError(`No publication brings the server "${name}".`)),
};

const prepared = new Map<string, Catalogue>();

/**
 * The catalogue of one URL, built once per isolate: the session objects and the stateless lane share it.
 *
 * @param name - path segment, or `""` for the URL with all servers
 * @param published - what {@link Catalogue.at} adds for a publication
 */
export function openCatalogue(
  name: string,
  title: string,
  servers: readonly ServerDefinition[],
  published: PublishedServers = NOT_PUBLISHED,
): Catalogue {
  let catalogue = prepared.get(name);
  if (!catalogue) {
    catalogue = createCatalogue(name, title, servers, new Map(), follow(name, title, servers, published));
    prepared.set(name, catalogue);
  }
  return catalogue;
}

/**
 * Builds the catalogue of one URL. Throws if two servers define the same name.
 *
 * @param discovered - published definitions of servers besides their own, by server name
 * @param runsCode - whether a model's code may run over the tools
 */
export function createCatalogue(
  name: string,
  title: string,
  servers: readonly ServerDefinition[],
  discovered: ReadonlyMap<string, Definitions> = new Map(),
  at: Catalogue["at"] = follow(name, title, servers, NOT_PUBLISHED),
  runsCode = false,
): Catalogue {
  const tools = new Map<string, ToolEntry>();
  const resources = new Map<string, Entry<ResourceDefinition>>();
  const templates: TemplateEntry[] = [];
  const prompts = new Map<string, Entry<PromptDefinition>>();
  const events = new Map<string, Entry<EventDefinition>>();
  for (const server of servers) {
    const openStore = (env: Env, principal: PrincipalIdentity, masks: MaskRules) =>
      server.store(env, principal, masks);
    const found = discovered.get(server.name);
    for (const tool of [...server.tools, ...(found?.tools ?? [])])
      addOnce(tools, tool.name, toolEntry(server, tool, openStore, isUnlisted(server, tool.name)));
    for (const prompt of [...server.prompts, ...(found?.prompts ?? [])])
      addOnce(prompts, prompt.name, promptEntry(server, prompt, openStore));
    for (const event of [...(server.events ?? []), ...(found?.events ?? [])])
      addOnce(events, event.name, eventEntry(server, event as EventDefinition, openStore));
    for (const resource of [...server.resources, ...(found?.resources ?? [])]) {
      const entry = resourceEntry(server, resource, openStore);
      if (resource.uri !== undefined) addOnce(resources, resource.uri, entry);
      else templates.push({ ...entry, matcher: compileTemplate(resource.uriTemplate as string) });
    }
  }
  // Loaded by the first search, which may never come.
  const index = once(async () => {
    const { indexTools } = await import("./search/tool-index.ts");
    return indexTools([...tools.values()].map(describeForSearch));
  });
  if (servers.some(({ searched }) => searched !== undefined)) {
    for (const tool of searchTools(index))
      addOnce(
        tools,
        tool.name,
        toolEntry({ name }, tool, () => undefined),
      );
  }
  if (runsCode) {
    const openCode = (env: Env, { userId }: PrincipalIdentity) => openCodeStore(env, name, userId);
    const tool = codeTool(index) as unknown as ToolDefinition;
    addOnce(tools, tool.name, toolEntry({ name }, tool, openCode));
  }
  const defaults = z.object(Object.assign({}, ...servers.map((server) => server.defaults.shape)));
  for (const tool of contextTools(defaults)) {
    addOnce(
      tools,
      tool.name,
      toolEntry({ name }, tool as ToolDefinition, (_env, _principal, _sees, session) => session),
    );
  }
  for (const event of gatewayEvents) {
    const open = (env: Env, principal: PrincipalIdentity) => ({ env, principal, url: name });
    addOnce(events, event.name, eventEntry({ name: GATEWAY }, event as EventDefinition, open));
  }
  const instructions = servers.map((server) => server.instructions).join("\n\n");
  return { name, title, instructions, tools, resources, templates, prompts, events, servers, defaults, at };
}

/** {@link followRevisions} for one URL. A URL of one server has the title of that server. */
function follow(
  name: string,
  title: string,
  registered: readonly ServerDefinition[],
  published: PublishedServers,
): Catalogue["at"] {
  return followRevisions({ registered, published }, (servers, discovered, at, runsCode) =>
    createCatalogue(name, (name !== "" && servers[0]?.title) || title, servers, discovered, at, runsCode),
  );
}

function addOnce<Value>(map: Map<string, Value>, key: string, value: Value): void {
  if (map.has(key)) throw new TypeError(`"${key}" is defined twice.`);
  map.set(key, value);
}

function isUnlisted({ searched }: ServerDefinition, name: string): boolean {
  return searched !== undefined && compileGlobs(searched.pinned)(name) === null;
}

/** Tools of a searched server may be many: their argument names come from the definition, not from a schema. */
function describeForSearch({ definition, subject }: ToolEntry): SearchedTool {
  const { name, title, description } = definition;
  return { name, title, description, words: `${subject.server} ${(definition.words ?? []).join(" ")}` };
}

/** What an entry needs to know of its server. */
type Home = Pick<ServerDefinition, "name" | "reads" | "sends">;

/** The labels of a tool. One that reaches other systems and says nothing is taken for what it may be. */
function flowOfTool(server: Home, { reads, sends, openWorld, effect }: ToolDefinition): FlowLabels {
  const isOpen = openWorld === true;
  return {
    reads: reads ?? server.reads ?? (isOpen ? ["untrusted"] : []),
    sends: sends ?? server.sends ?? (isOpen && effect !== "read" ? "outside" : "nothing"),
  };
}

function toolEntry(
  server: Home,
  tool: ToolDefinition,
  openStore: Entry<unknown>["openStore"],
  unlisted = false,
): ToolEntry {
  // Schemas are written on first use: a connection may bring a thousand tools, and a call needs one.
  const inputSchema = once(() => inputSchemaOf(tool.input));
  const headers = once(() => parameterHeadersOf(tool.name, inputSchema()));
  const fields = once(() => new Set(Object.keys(tool.input.shape)));
  const listed = once(() => ({
    name: tool.name,
    title: tool.title,
    description: tool.description,
    inputSchema: inputSchema(),
    outputSchema: outputSchemaOf(tool),
    annotations: annotationsOf(tool),
    ...icons(tool),
  }));
  return {
    definition: tool,
    openStore,
    unlisted,
    get parameterHeaders() {
      return headers();
    },
    subject: {
      kind: "tool",
      server: server.name,
      ...flowOfTool(server, tool),
      ...(tool.recalls && { recalls: true }),
      name: tool.name,
      scope: tool.scope,
      effect: tool.effect,
      costly: tool.costly ?? false,
      get fields() {
        return fields();
      },
    },
    get listed() {
      return listed();
    },
  };
}

function promptEntry(
  server: Home,
  prompt: PromptDefinition,
  openStore: Entry<unknown>["openStore"],
): Entry<PromptDefinition> {
  return {
    definition: prompt,
    openStore,
    subject: {
      kind: "prompt",
      server: server.name,
      reads: prompt.reads ?? server.reads ?? [],
      sends: prompt.sends ?? server.sends ?? "nothing",
      name: prompt.name,
      scope: prompt.scope,
      effect: "read",
      costly: false,
      fields: new Set(Object.keys(prompt.arguments.shape)),
    },
    listed: {
      name: prompt.name,
      title: prompt.title,
      description: prompt.description,
      arguments: listArguments(prompt.arguments),
      ...icons(prompt),
    },
  };
}

/**
 * MCP `PromptArgument`s from the schema's fields, with description and requiredness read through wrappers.
 */
function listArguments(schema: z.ZodObject): JsonValue[] {
  const { properties, required } = inputSchemaOf(schema) as {
    properties?: Record<string, Listed>;
    required?: string[];
  };
  return Object.entries(properties ?? {}).map(([name, { description }]) => ({
    name,
    description: description ?? "",
    required: required?.includes(name) ?? false,
  }));
}

function resourceEntry(
  server: Home,
  resource: ResourceDefinition,
  openStore: Entry<unknown>["openStore"],
): Entry<ResourceDefinition> {
  return {
    definition: resource,
    openStore,
    subject: {
      kind: "resource",
      server: server.name,
      // What is part of the product is no data of the company.
      reads: resource.reads ?? (resource.fixed ? [] : server.reads) ?? [],
      sends: resource.sends ?? server.sends ?? "nothing",
      name: resource.name,
      scope: resource.scope,
      effect: "read",
      costly: false,
      fields: new Set(["uri"]),
    },
    listed: {
      ...(resource.uri !== undefined ? { uri: resource.uri } : { uriTemplate: resource.uriTemplate }),
      name: resource.name,
      title: resource.title,
      description: resource.description,
      mimeType: resource.mimeType,
      annotations: { audience: ["user", "assistant"] },
      ...icons(resource),
      ...(resource.meta && { _meta: resource.meta }),
    },
  };
}

function icons(definition: { icons?: { src: string; mimeType?: string; sizes?: string[] }[] }): Listed {
  return definition.icons ? { icons: definition.icons as unknown as JsonValue } : {};
}
