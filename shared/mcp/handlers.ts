import { askHolding } from "../guard/ask-holding.ts";
import type { ContextRecorder } from "../guard/context-recorder.ts";
import { isVisible } from "../guard/decide.ts";
import type { Exchange } from "../guard/exchange.ts";
import { guard } from "../guard/guard.ts";
import { DEFAULT_TIMEOUT_MS, type HoldDeadline } from "../guard/run.ts";
import { logFailure } from "../observe/log.ts";
import { masksOf } from "../policy/masks.ts";
import { maskChannel } from "../redact/mask-channel.ts";
import { maskContents } from "../redact/mask-contents.ts";
import { upstreamOf } from "../upstream/open-upstream.ts";
import { type Entry, type Listed, type TemplateEntry, visible } from "./catalogue.ts";
import type {
  AskingContext,
  Completer,
  PromptDefinition,
  PromptMessage,
  ResourceContents,
  ToolDefinition,
} from "./define.ts";
import { ToolError } from "./errors.ts";
import { iconsOf } from "./icons.ts";
import { InputNeeded } from "./input-needed.ts";
import { contentsSchemaOf, maskHome } from "./masked-home.ts";
import { paginate } from "./paging.ts";
import { JSON_RPC, ProtocolFault, toProtocolFault } from "./protocol-fault.ts";
import { parseArguments } from "./schema.ts";
import { viewMeta } from "./view.ts";
import { findResource } from "./viewer.ts";
import { cutText } from "./well-formed.ts";

/** Values per completion (MCP 2025-11-25, «Completion»: at most 100). */
const COMPLETION_LIMIT = 100;

/** Members of all templates that `resources/list` shows at most. */
const LISTED_MEMBERS = 1_000;

/** `tools/list`: what this principal may call now or after a step-up. */
export async function listTools(
  exchange: Exchange,
  cursor?: string,
): Promise<{ tools: Listed[]; nextCursor?: string }> {
  const { catalogue, identity, policy } = exchange;
  const entries = visible(policy, identity, catalogue.tools.values());
  const { page, ...next } = await paginate(exchange, "tools", entries, cursor);
  return {
    tools: page.map((entry) => ({ ...withIcons(exchange, entry), ...nameView(exchange, entry) })),
    ...next,
  };
}

/** The view of a tool, for a client that shows views and a person who may read this one. */
function nameView(
  { catalogue, identity, policy, channel }: Exchange,
  { definition: { view } }: Entry<ToolDefinition>,
): Listed {
  const entry = channel.showsViews ? catalogue.resources.get(view?.uri ?? "") : undefined;
  return entry && isVisible(policy, identity, entry.subject) ? viewMeta(view?.uri ?? "") : {};
}

/** `prompts/list`. */
export async function listPrompts(
  exchange: Exchange,
  cursor?: string,
): Promise<{ prompts: Listed[]; nextCursor?: string }> {
  const { catalogue, identity, policy } = exchange;
  const entries = visible(policy, identity, catalogue.prompts.values());
  const { page, ...next } = await paginate(exchange, "prompts", entries, cursor);
  return { prompts: page.map((entry) => withIcons(exchange, entry)), ...next };
}

/** `resources/templates/list`. */
export async function listTemplates(
  exchange: Exchange,
  cursor?: string,
): Promise<{ resourceTemplates: Listed[]; nextCursor?: string }> {
  const { catalogue, identity, policy } = exchange;
  const entries = visible(policy, identity, catalogue.templates);
  const { page, ...next } = await paginate(exchange, "resources/templates", entries, cursor);
  return { resourceTemplates: page.map((entry) => withIcons(exchange, entry)), ...next };
}

/** `resources/list`: the fixed resources, then the members of the templates that can list theirs. */
export async function listResources(
  exchange: Exchange,
  cursor?: string,
): Promise<{ resources: Listed[]; nextCursor?: string }> {
  const { catalogue, identity, policy } = exchange;
  const fixed = visible(policy, identity, catalogue.resources.values()).map((entry) =>
    withIcons(exchange, entry),
  );
  const members: Listed[] = [];
  for (const entry of visible(policy, identity, catalogue.templates)) {
    const list = entry.definition.list;
    // Members are data: without the scope they are not shown, although the template is.
    if (!list || !identity.scopes.includes(entry.subject.scope)) continue;
    const listed = await guardedRead(exchange, entry, {}, (context) => list.call(entry.definition, context));
    const { icons, annotations } = withIcons(exchange, entry);
    // By address, which does not change: what comes next must not depend on what was changed meanwhile.
    listed.sort((one, other) => (one.uri < other.uri ? -1 : 1));
    for (const { lastModified, ...member } of listed) {
      members.push({
        title: member.name,
        mimeType: entry.definition.mimeType,
        ...member,
        annotations: { ...(annotations as object), ...(lastModified !== undefined && { lastModified }) },
        icons,
      });
    }
  }
  const all = [...fixed, ...members.slice(0, LISTED_MEMBERS)].map((listed) => ({ listed }));
  const { page, ...next } = await paginate(exchange, "resources", all, cursor);
  return { resources: page.map(({ listed }) => listed), ...next };
}

/** `resources/read`. An unknown URI is a {@link ProtocolFault}; its code is the one of the client's revision. */
export async function readResource(
  exchange: Exchange,
  uri: string,
): Promise<{ contents: ResourceContents[] }> {
  const found = findResource(exchange.catalogue, uri);
  if (!found) throw unknownResource(exchange, uri);
  const { entry, params } = found;
  const contents = await guardedRead(
    exchange,
    entry,
    { uri },
    (context) => entry.definition.read({ uri, params }, context),
    entry.definition.fixed,
  ).catch((fault: unknown) => {
    // A family may know of no such member: the same answer as for a URI outside of every family.
    if (fault instanceof ProtocolFault && errorCodeOf(fault) === "not_found")
      throw unknownResource(exchange, uri);
    throw fault;
  });
  return { contents };
}

/** `prompts/get`. */
export async function getPrompt(
  exchange: Exchange,
  name: string,
  args: Record<string, string> | undefined,
): Promise<{ description: string; messages: PromptMessage[] }> {
  const entry = exchange.catalogue.prompts.get(name);
  if (!entry) throw new ProtocolFault(JSON_RPC.invalidParams, `Unknown prompt: ${cutText(name, 64)}`);
  const prompt = entry.definition;
  const messages = await guardedRead(exchange, entry, args ?? {}, (context) =>
    prompt.run(parseArguments(prompt.arguments, args), context),
  );
  return { description: prompt.description, messages };
}

/** What a completion is asked for. */
export type CompletionReference =
  | { type: "ref/prompt"; name: string }
  | { type: "ref/resource"; uri: string };

/** `completion/complete`. An argument without suggestions gives an empty list; an unknown reference is an error. */
export async function complete(
  exchange: Exchange,
  reference: CompletionReference,
  argument: { name: string; value: string },
  others: Record<string, string>,
): Promise<{ completion: { values: string[]; total: number; hasMore: boolean } }> {
  const { entry, completers } = findCompleters(exchange, reference);
  const completer = Object.hasOwn(completers, argument.name) ? completers[argument.name] : undefined;
  // Asked through the guard also when there is nothing to suggest: silence would tell that a hidden prompt exists.
  const values = await guardedRead(
    exchange,
    entry,
    { ...others, [argument.name]: argument.value },
    async (context) => completer?.(cutText(argument.value, 200), context, others) ?? [],
  );
  return {
    completion: {
      values: values.slice(0, COMPLETION_LIMIT),
      total: values.length,
      hasMore: values.length > COMPLETION_LIMIT,
    },
  };
}

/** The listed form with the icon of its server, unless the definition has icons of its own. */
function withIcons({ env, catalogue }: Exchange, { listed, subject }: Entry<unknown>): Listed {
  const server = catalogue.servers.find(({ name }) => name === subject.server);
  return { icons: iconsOf(env.PUBLIC_URL, server), ...listed };
}

/**
 * The error for a URI that names nothing. SEP-2164 (2026-07-28) made it an invalid parameter; earlier revisions have
 * a code of its own.
 */
export function unknownResource({ lane }: Exchange, uri: string): ProtocolFault {
  const code = lane === "stateless" ? JSON_RPC.invalidParams : JSON_RPC.resourceNotFound;
  return new ProtocolFault(code, "Resource not found", { uri: cutText(uri, 500) });
}

function findCompleters(
  { catalogue }: Exchange,
  reference: CompletionReference,
): {
  entry: Entry<PromptDefinition> | TemplateEntry;
  completers: Partial<Record<string, Completer<unknown>>>;
} {
  if (reference.type === "ref/prompt") {
    const entry = catalogue.prompts.get(reference.name);
    if (entry) return { entry, completers: entry.definition.complete ?? {} };
  } else {
    const entry = catalogue.templates.find(({ definition }) => definition.uriTemplate === reference.uri);
    if (entry) return { entry, completers: entry.definition.complete ?? {} };
  }
  throw new ProtocolFault(JSON_RPC.invalidParams, "Nothing with this reference can be completed.");
}

/** Everything but tools: the same chain, with JSON-RPC errors because there is no `isError`. */
async function guardedRead<Result>(
  exchange: Exchange,
  entry: Entry<unknown>,
  args: Readonly<Record<string, unknown>>,
  work: (context: AskingContext) => Promise<Result>,
  fixed = false,
): Promise<Result> {
  const now = new Date();
  const { catalogue, session } = exchange;
  const run = (signal: AbortSignal, context: ContextRecorder, hold: HoldDeadline) => {
    // Only now: admission may have brought the identity up to date.
    const { identity, policy } = exchange;
    const rules = masksOf(policy, identity.role);
    const channel = maskChannel(exchange.channel, rules);
    const store = entry.openStore(exchange.env, identity, rules, maskHome(session, exchange));
    const upstream = upstreamOf(exchange, entry.subject, signal);
    return work({
      ...{ store, principal: identity, context, signal, fetch: upstream, now },
      ...askHolding(channel, hold),
    });
  };
  try {
    return await guard(exchange, entry.subject, {
      timeoutMs: DEFAULT_TIMEOUT_MS,
      args,
      run,
      shape: async (raw) =>
        fixed
          ? raw
          : maskContents(raw, masksOf(exchange.policy, exchange.identity.role), contentsSchemaOf(catalogue)),
      measure: (shaped) => JSON.stringify(shaped).length,
    });
  } catch (failure) {
    if (failure instanceof ToolError) throw toProtocolFault(failure);
    if (failure instanceof ProtocolFault || failure instanceof InputNeeded) throw failure;
    const eventId = logFailure("read_failed", failure, { name: entry.subject.name });
    throw new ProtocolFault(JSON_RPC.internalError, `Internal error. Event id: ${eventId}.`);
  }
}

function errorCodeOf(fault: ProtocolFault): unknown {
  return (fault.data as { error?: { code?: unknown } } | undefined)?.error?.code;
}
