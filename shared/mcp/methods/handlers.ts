import type { PromptMessage, ResourceContents } from "../../call/content.ts";
import { JSON_RPC, ProtocolFault } from "../../call/protocol-fault.ts";
import type { JsonValue } from "../../encoding/json.ts";
import { decide, isVisible } from "../../guard/decide.ts";
import { leaveOutOfMessages } from "../../guard/embedded-resources.ts";
import { describeOrigins, noteOrigins, originsOf } from "../../guard/flow/note-origins.ts";
import { type GuardedRead, guardedRead } from "../../guard/guarded-read.ts";
import type { RequestContext } from "../../guard/request-context.ts";
import { readable, visible } from "../../guard/visible.ts";
import { log } from "../../observe/log.ts";
import type { Entry, Listed, TemplateEntry } from "../../server/catalogue.ts";
import type { Completer, ListedResource, PromptDefinition, ToolDefinition } from "../../server/define.ts";
import { findResource } from "../../server/find-resource.ts";
import { iconsOf } from "../../server/icons.ts";
import { parseArguments } from "../../server/schema.ts";
import { viewMeta } from "../../server/view.ts";
import { cutText } from "../../text/well-formed.ts";
import { paginate } from "./paging.ts";

/** Most values per completion (MCP 2025-11-25, «Completion»: at most 100). */
const COMPLETION_LIMIT = 100;

/**
 * Failures that give an empty completion: clients ask on every keystroke and cannot act on these. Failures
 * that a client can act on (limits, a missing right, an ended access) stay errors.
 */
const NO_SUGGESTION: ReadonlySet<string> = new Set([
  "mfa_required",
  "not_found",
  "conflict",
  "timeout",
  "unavailable",
  "result_too_large",
  "internal_error",
]);

/** Most template members that `resources/list` shows. */
const LISTED_MEMBERS = 1_000;

/** `tools/list`: tools that this principal may call now or after a step-up, without those that a search finds. */
export async function listTools(
  ctx: RequestContext,
  cursor?: string,
): Promise<{ tools: Listed[]; nextCursor?: string }> {
  const { catalogue, identity, policy } = ctx;
  const entries = visible(policy, identity, catalogue.tools.values()).filter(({ unlisted }) => !unlisted);
  const { page, ...next } = await paginate(ctx, "tools", entries, cursor);
  return {
    tools: page.map((entry) => ({ ...withIcons(ctx, entry), ...nameView(ctx, entry) })),
    ...next,
  };
}

/** The tool's view, if the client shows views and the user may read it. */
function nameView(
  { catalogue, identity, policy, channel }: RequestContext,
  { definition: { view } }: Entry<ToolDefinition>,
): Listed {
  const entry = channel.showsViews ? catalogue.resources.get(view?.uri ?? "") : undefined;
  return entry && isVisible(policy, identity, entry.subject) ? viewMeta(view?.uri ?? "") : {};
}

/** `prompts/list`. */
export async function listPrompts(
  ctx: RequestContext,
  cursor?: string,
): Promise<{ prompts: Listed[]; nextCursor?: string }> {
  const { catalogue, identity, policy } = ctx;
  const entries = visible(policy, identity, catalogue.prompts.values());
  const { page, ...next } = await paginate(ctx, "prompts", entries, cursor);
  return { prompts: page.map((entry) => withIcons(ctx, entry)), ...next };
}

/** `resources/templates/list`. */
export async function listTemplates(
  ctx: RequestContext,
  cursor?: string,
): Promise<{ resourceTemplates: Listed[]; nextCursor?: string }> {
  const { catalogue, identity, policy } = ctx;
  const entries = visible(policy, identity, catalogue.templates);
  const { page, ...next } = await paginate(ctx, "resources/templates", entries, cursor);
  return { resourceTemplates: page.map((entry) => withIcons(ctx, entry)), ...next };
}

/** `resources/list`: the fixed resources, then the members of templates that can list theirs. */
export async function listResources(
  ctx: RequestContext,
  cursor?: string,
): Promise<{ resources: Listed[]; nextCursor?: string }> {
  const { catalogue } = ctx;
  const members: Listed[] = [];
  for (const entry of catalogue.templates) {
    const listed = await listMembers(ctx, entry);
    const { icons, annotations } = withIcons(ctx, entry);
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
  // Read last: listing the members may have updated the identity.
  const fixed = readable(ctx.policy, ctx.identity, catalogue.resources.values()).map((entry) =>
    withIcons(ctx, entry),
  );
  const all = [...fixed, ...members.slice(0, LISTED_MEMBERS)].map((listed) => ({ listed }));
  const { page, ...next } = await paginate(ctx, "resources", all, cursor);
  return { resources: page.map(({ listed }) => listed), ...next };
}

/**
 * The members of a template that this user may read now. A template that is refused or cannot be listed has
 * none, so that it does not make the rest of the list fail.
 */
async function listMembers(ctx: RequestContext, entry: TemplateEntry): Promise<ListedResource[]> {
  const { definition, subject } = entry;
  const list = definition.list?.bind(definition);
  // Members are data: without the scope or a fresh second factor they are hidden, although the template is
  // listed.
  if (!list || decide(ctx.policy, ctx.identity, subject).kind !== "allow") return [];
  try {
    // A list goes out without a word of the caller.
    const quiet: TemplateEntry = { ...entry, subject: { ...subject, sends: "nothing" } };
    const { result: listed } = await guardedRead(ctx, quiet, {}, (context) => list(context));
    // Sorted by URI, which does not change, so that cursors stay valid while members are edited.
    return listed.sort((one, other) => (one.uri < other.uri ? -1 : 1));
  } catch (fault) {
    const code = errorCodeOf(fault);
    // The request itself has ended, and its response says so.
    if (code === "access_ended" || code === "cancelled") throw fault;
    log("warn", "members_left_out", { name: subject.name, error: String(code ?? "internal_error") });
    return [];
  }
}

/** `resources/read`, with a sentence behind contents that are stale. An unknown URI is a {@link ProtocolFault} with the code of the client's revision. */
export async function readResource(ctx: RequestContext, uri: string): Promise<ReadResource> {
  return (await readAdmitted(ctx, uri)).result;
}

/** The result of `resources/read`. */
interface ReadResource {
  contents: ResourceContents[];
  _meta?: Record<string, JsonValue>;
}

/** {@link readResource}, with the request as the read was admitted. */
export async function readAdmitted(ctx: RequestContext, uri: string): Promise<GuardedRead<ReadResource>> {
  const found = findResource(ctx.catalogue, uri);
  if (!found) throw unknownResource(ctx, uri);
  const { entry, params } = found;
  const origins = originsOf(entry.subject);
  const read = await guardedRead(
    ctx,
    entry,
    { uri },
    (context) => entry.definition.read({ uri, params }, noteOrigins(context, origins)),
    (contents) => contents,
    entry.definition.fixed,
  ).catch((fault: unknown) => {
    // A template may not know the member: same error as for a URI outside every template.
    if (errorCodeOf(fault) === "not_found") throw unknownResource(ctx, uri);
    throw fault;
  });
  const { meta, blocks } = describeOrigins(origins);
  const said = blocks.map(({ text }) => ({ uri, mimeType: "text/plain", text }));
  return { result: { contents: [...read.result, ...said], ...meta }, ctx: read.ctx };
}

/** `prompts/get`, with a sentence behind messages that hold something stale. */
export async function getPrompt(
  ctx: RequestContext,
  name: string,
  args: Record<string, string> | undefined,
): Promise<{ description: string; messages: PromptMessage[]; _meta?: Record<string, JsonValue> }> {
  const entry = ctx.catalogue.prompts.get(name);
  if (!entry) throw new ProtocolFault(JSON_RPC.invalidParams, `Unknown prompt: ${cutText(name, 64)}`);
  const prompt = entry.definition;
  const origins = originsOf(entry.subject);
  const { result: messages } = await guardedRead(
    ctx,
    entry,
    args ?? {},
    (context) => prompt.run(parseArguments(prompt.arguments, args), noteOrigins(context, origins)),
    (made, admitted) => leaveOutOfMessages(admitted, made, prompt.relays ? entry.subject.server : undefined),
  );
  const { meta, blocks } = describeOrigins(origins);
  const said = blocks.map((content): PromptMessage => ({ role: "user", content }));
  return { description: prompt.description, messages: [...messages, ...said], ...meta };
}

/** The prompt or resource that a completion is for. */
export type CompletionReference =
  | { type: "ref/prompt"; name: string }
  | { type: "ref/resource"; uri: string };

/**
 * `completion/complete`. An argument without suggestions gives an empty list; an unknown reference is an
 * error.
 */
export async function complete(
  ctx: RequestContext,
  reference: CompletionReference,
  argument: { name: string; value: string },
  others: Record<string, string>,
): Promise<{ completion: { values: string[]; total: number; hasMore: boolean } }> {
  const { entry, completers } = findCompleters(ctx, reference);
  const completer = Object.hasOwn(completers, argument.name) ? completers[argument.name] : undefined;
  // Runs through the guard even without suggestions: an unguarded empty list would reveal a hidden prompt.
  const { result: values } = await guardedRead(
    ctx,
    entry,
    { ...others, [argument.name]: argument.value },
    async (context) => completer?.(cutText(argument.value, 200), context, others) ?? [],
  ).catch((fault: unknown) => {
    const code = String(errorCodeOf(fault) ?? "internal_error");
    if (!NO_SUGGESTION.has(code)) throw fault;
    log("warn", "suggestions_left_out", { name: entry.subject.name, error: code });
    return { result: [] };
  });
  return {
    completion: {
      values: values.slice(0, COMPLETION_LIMIT),
      total: values.length,
      hasMore: values.length > COMPLETION_LIMIT,
    },
  };
}

/** The listed form with its server's icon, unless the definition has its own. */
function withIcons({ env, catalogue }: RequestContext, { listed, subject }: Entry<unknown>): Listed {
  const server = catalogue.servers.find(({ name }) => name === subject.server);
  return { icons: iconsOf(env.PUBLIC_URL, server), ...listed };
}

/**
 * The error for an unknown URI. SEP-2164 (2026-07-28) made it an invalid parameter; earlier revisions have a
 * separate code.
 */
export function unknownResource({ lane }: RequestContext, uri: string): ProtocolFault {
  const code = lane === "stateless" ? JSON_RPC.invalidParams : JSON_RPC.resourceNotFound;
  return new ProtocolFault(code, "Resource not found", { uri: cutText(uri, 500) });
}

function findCompleters(
  { catalogue }: RequestContext,
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

function errorCodeOf(fault: unknown): unknown {
  if (!(fault instanceof ProtocolFault)) return undefined;
  return (fault.data as { error?: { code?: unknown } } | undefined)?.error?.code;
}
