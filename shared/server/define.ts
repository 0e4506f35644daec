import type { z } from "zod";
import type { ContentBlock, PromptMessage, ResourceContents } from "../call/content.ts";
import type { EntityReference } from "../call/entity-reference.ts";
import type { ReadLabel, Sends } from "../call/flow-labels.ts";
import type { MaskRules } from "../call/mask-rules.ts";
import type { PrincipalIdentity } from "../call/principal.ts";
import type { NeededRight, PreviewedChange } from "../call/proposal.ts";
import type { Effect } from "../call/subject.ts";
import type { JsonValue } from "../encoding/json.ts";
import type { AskingContext, CallContext, ToolContext } from "./call-contexts.ts";
import type { EventDefinition } from "./define-event.ts";
import type { TaskWorkflow } from "./task-workflow.ts";

export type {
  AskingContext,
  CallContext,
  Cursors,
  OfferedTool,
  OtherTools,
  ToolContext,
} from "./call-contexts.ts";

/** An icon of a server, tool, resource or prompt (MCP `Icon`). */
export interface Icon {
  src: string;
  mimeType?: string;
  sizes?: string[];
}

/** A tool, defined once and served by both protocol generations. */
export interface ToolDefinition<
  Input extends z.ZodObject = z.ZodObject,
  Output extends z.ZodObject | undefined = z.ZodObject | undefined,
  Store = unknown,
> {
  /** `<server>_<verb>_<noun>`, at most 64 characters of `[A-Za-z0-9_-]`. */
  name: string;
  title: string;
  /** One or two sentences for the model: what it does, when to use it, what to call next. */
  description: string;
  effect: Effect;
  /** Scope that a token needs. */
  scope: string;
  /**
   * What its answers bring to the model; {@link ServerDefinition.reads} when left out, and `untrusted` for an `openWorld`
   * tool of a server that says nothing either.
   */
  reads?: readonly ReadLabel[];
  /** True if it gives what earlier calls of the session kept: what they met counts as met again. */
  recalls?: true;
  /** `outside` if the arguments of a call leave the company; left out, so for an `openWorld` tool that writes. */
  sends?: Sends;
  /** What else a search finds it by, such as the names of its arguments. */
  words?: readonly string[];
  /** True if the tool reaches systems outside Gatehouse (`openWorldHint`). */
  openWorld?: boolean;
  /** True if a repeated call with the same arguments changes nothing more. Reads always are. */
  idempotent?: boolean;
  /** True if a call is expensive: it has a separate limit and uses more of the user's daily quota. */
  costly?: boolean;
  icons?: Icon[];
  input: Input;
  /** Schema of the structured result. Without it `run` returns content blocks. */
  output?: Output;
  /** Input fields that fall back to the session default of the same name if the caller omits them. */
  inherits?: readonly (keyof z.input<Input> & string)[];
  /**
   * The output's one array field that may be long. If the result exceeds the size limit, the guard stores the
   * rest under a result handle and adds `more: { handle, shown, total, how }`.
   */
  overflow?: Output extends z.ZodObject ? keyof z.output<Output> & string : never;
  /**
   * For a tool that calls another one of its URL by `name` and `arguments`: whether it calls those that read, or
   * those that change something. The guard judges, counts and records the other tool alone; `run` is never reached.
   */
  forwards?: { reads: boolean };
  /** True if it calls other tools of its URL by itself. Only such a tool may use `tools` of its context. */
  composes?: true;
  /**
   * True if `run` gives a whole result of another system, a {@link RelayedAnswer}: its blocks and its
   * structured content reach the client as they are, masked and bounded.
   */
  relays?: true;
  /** Milliseconds until the call is aborted. Default 20,000. */
  timeoutMs?: number;
  /**
   * Names of the records behind the ids of a call, shown to its approver. At most ten are shown, masked for
   * the approver by their classification; on failure the page shows the ids.
   */
  nameSubjects?(
    input: z.output<Input>,
    context: Pick<CallContext<Store>, "store" | "now">,
  ): Promise<EntityReference[]>;
  /**
   * Permissions that this call needs besides its own: undoing a change needs the permission to make it. The
   * policy decides on them with their arguments; if one needs an approval, this call does.
   */
  needs?(input: z.output<Input>, context: Pick<CallContext<Store>, "store" | "now">): Promise<NeededRight[]>;
  /**
   * Throws the {@link ToolError} that `run` would throw anyway, before a person is asked to approve the call.
   * Changes nothing, and `run` still checks.
   */
  check?(
    input: z.output<Input>,
    context: Pick<CallContext<Store>, "store" | "principal" | "now">,
  ): Promise<void>;
  /**
   * The changes that the call would make, for its approver; a few records at most. The approval is bound to
   * it: if it differs when the call runs, the call needs a new approval.
   */
  preview?(
    input: z.output<Input>,
    context: Pick<CallContext<Store>, "store" | "principal" | "now">,
  ): Promise<PreviewedChange[]>;
  /** Keeps what the call needs, such as a file, until a time in milliseconds: an approval is waited for until then. */
  keepUntil?(
    input: z.output<Input>,
    time: number,
    context: Pick<CallContext<Store>, "store" | "principal" | "now">,
  ): Promise<void>;
  /**
   * The view in which clients with MCP Apps show the result; one of the server's resources, see `defineView`.
   */
  view?: ResourceDefinition<Store>;
  /** Set by `defineLongTool`: the steps, which `run` performs within one call and a task one by one. */
  work?: TaskWorkflow<unknown, unknown, unknown, Store>;
  /** Extra blocks (links, pictures) after the JSON text copy of the structured result. */
  content?(
    output: Output extends z.ZodObject ? z.output<Output> : never,
    input: z.output<Input>,
  ): ContentBlock[] | Promise<ContentBlock[]>;
  run(
    input: z.output<Input>,
    context: ToolContext<Store>,
  ): Promise<Output extends z.ZodObject ? z.input<Output> : ContentBlock[]>;
}

/** The result of a tool of another system. */
export interface RelayedAnswer {
  content: ContentBlock[];
  structuredContent?: Record<string, JsonValue>;
  /** The other system says that the call failed; `content` is its text. */
  isError?: boolean;
}

/** Suggests values for one argument, best first. At most 100 are sent. */
export type Completer<Store> = {
  bivarianceHack(
    value: string,
    context: CallContext<Store>,
    others: Readonly<Record<string, string>>,
  ): Promise<string[]> | string[];
}["bivarianceHack"];

/**
 * A resource with a fixed `uri`, or a family of resources with a `uriTemplate` (RFC 6570 level 1: `{name}`).
 */
export interface ResourceDefinition<Store = unknown> {
  name: string;
  title: string;
  description: string;
  /** Exactly one of `uri` and `uriTemplate` is set. */
  uri?: string;
  uriTemplate?: string;
  mimeType: string;
  /**
   * Schema of the JSON text of its contents, with classified fields; the guard masks the contents by it
   * wherever they appear.
   */
  contents?: z.ZodObject;
  /** True if it is part of the product and the same for every user, like a view: nothing in it is masked. */
  fixed?: true;
  /** MCP `_meta` of its list entry. */
  meta?: Record<string, JsonValue>;
  scope: string;
  /** What its contents bring to the model; {@link ServerDefinition.reads} when left out. */
  reads?: readonly ReadLabel[];
  /** Where the address that is read goes, and what completes it; {@link ServerDefinition.sends} when left out. */
  sends?: Sends;
  icons?: Icon[];
  /** Lists members of a template for `resources/list`; at most 1,000. */
  list?(context: CallContext<Store>): Promise<ListedResource[]>;
  /** Completion by template variable. */
  complete?: Record<string, Completer<Store>>;
  /** `params` holds the decoded template variables. Throw `ToolError("not_found", …)` for unknown members. */
  read(
    request: { uri: string; params: Record<string, string> },
    context: CallContext<Store>,
  ): Promise<ResourceContents[]>;
}

/** An entry of `resources/list`. */
export interface ListedResource {
  uri: string;
  name: string;
  title?: string;
  description?: string;
  mimeType?: string;
  /** Last change, ISO 8601. */
  lastModified?: string;
}

/** A prompt that a user picks in the client. Arguments are strings on the wire. */
export interface PromptDefinition<Arguments extends z.ZodObject = z.ZodObject, Store = unknown> {
  name: string;
  title: string;
  description: string;
  /** True if its messages are those of another system, with what they embed. */
  relays?: true;
  scope: string;
  /** What its messages bring to the model; {@link ServerDefinition.reads} when left out. */
  reads?: readonly ReadLabel[];
  /** Where its arguments go; {@link ServerDefinition.sends} when left out. */
  sends?: Sends;
  icons?: Icon[];
  /** Every field must parse from a string and have `.describe()`. */
  arguments: Arguments;
  complete?: Partial<Record<keyof z.input<Arguments> & string, Completer<Store>>>;
  run(input: z.output<Arguments>, context: AskingContext<Store>): Promise<PromptMessage[]>;
}

/** One MCP server. */
export interface ServerDefinition<Store = unknown> extends Definitions<Store> {
  /** Lower-case word; the URL is `/mcp/<name>`, scopes are `<name>:<read|write|delete>`. */
  name: string;
  title: string;
  /** One plain sentence for the consent screen and the server card. */
  description: string;
  /** For the model: how to work with this server. */
  instructions: string;
  /** Every scope with one plain sentence for the consent screen. */
  scopes: Record<string, string>;
  /** What its tools, resources, prompts and events bring to the model, unless they say otherwise. */
  reads?: readonly ReadLabel[];
  /** Where the arguments of its tools, resources and prompts go, unless they say otherwise. */
  sends?: Sends;
  /** The scope that any access needs; advertised in the 401. */
  baseline: string;
  /** Session defaults of this server, one optional field each; `context_set` validates against it. */
  defaults: z.ZodObject;
  /**
   * Its tools are found by search: lists show those that find them, and the pinned ones (globs on names) in
   * place of all.
   */
  searched?: { pinned: readonly string[] };
  /** The server's icon: SVG path data, drawn as lines on 32 × 32. Defaults to the Gatehouse logo. */
  glyph?: string;
  /** The D1 bindings that the server reads; the Worker serves nothing while one is missing. */
  databases?: readonly string[];
  /**
   * Opens the server's data for one call. `sees` says what of it will be masked on the way out. The guard disposes of a store that is an `AsyncDisposable` when the call ends,
   * however it ends.
   */
  store(env: Env, principal: PrincipalIdentity, masks: MaskRules): Store | Promise<Store>;
  /** Removes what the server keeps for some time only, once it is over; runs every hour. Gives how many. */
  purgeExpired?(env: Env, now: Date): Promise<number>;
  /**
   * Further definitions that are data: read for one published revision (a SHA-256), once per isolate. Rejects
   * if the revision cannot be read; its items are left out until it can.
   */
  discover?(env: Env, revision: string): Promise<Definitions<Store>>;
}

/** The tools, resources, prompts and events of a server. */
export interface Definitions<Store = unknown> {
  tools: readonly ToolDefinition<z.ZodObject, z.ZodObject | undefined, Store>[];
  resources: readonly ResourceDefinition<Store>[];
  prompts: readonly PromptDefinition<z.ZodObject, Store>[];
  events?: readonly EventDefinition<z.ZodObject, z.ZodObject, Store>[];
}

/** Declares a tool. Annotate the second parameter of `run` with `ToolContext<YourStore>`. */
export function defineTool<
  Input extends z.ZodObject,
  Store,
  Output extends z.ZodObject | undefined = undefined,
>(definition: ToolDefinition<Input, Output, Store>): ToolDefinition<Input, Output, Store> {
  return definition;
}

/** Declares a resource or a resource template. */
export function defineResource<Store>(definition: ResourceDefinition<Store>): ResourceDefinition<Store> {
  if ((definition.uri === undefined) === (definition.uriTemplate === undefined)) {
    throw new TypeError(`Resource "${definition.name}": set exactly one of uri and uriTemplate.`);
  }
  return definition;
}

/** Declares a prompt. */
export function definePrompt<Arguments extends z.ZodObject, Store>(
  definition: PromptDefinition<Arguments, Store>,
): PromptDefinition<Arguments, Store> {
  return definition;
}

/** Declares a server. Checks names and scopes at start, so that a mistake is a clear error. */
export function defineServer<Store>(definition: ServerDefinition<Store>): ServerDefinition<Store> {
  if (!/^[a-z][a-z0-9]*$/.test(definition.name)) {
    throw new TypeError(`Server name "${definition.name}" must be one lower-case word.`);
  }
  checkDefinitions(definition, definition);
  if (!(definition.baseline in definition.scopes)) {
    throw new TypeError(
      `Server "${definition.name}": baseline scope "${definition.baseline}" is not declared.`,
    );
  }
  return definition;
}

/**
 * Checks names, scopes and views of a server's definitions. Throws a `TypeError` that names the mistake.
 *
 * @param server - declares the scopes and the views
 */
export function checkDefinitions<Store>(
  server: ServerDefinition<Store>,
  { tools, resources, prompts, events = [] }: Definitions<Store>,
): void {
  const names = new Set<string>();
  for (const tool of tools) {
    if (!/^[A-Za-z0-9_-]{1,64}$/.test(tool.name))
      throw new TypeError(`Tool name "${tool.name}" is not valid.`);
    if (names.has(tool.name)) throw new TypeError(`Tool "${tool.name}" is defined twice.`);
    names.add(tool.name);
    if (tool.view && !server.resources.includes(tool.view) && !resources.includes(tool.view))
      throw new TypeError(`Tool "${tool.name}" names a view that is none of the server's resources.`);
  }
  for (const { name } of events) {
    if (!/^[A-Za-z0-9_-]{1,64}$/.test(name)) throw new TypeError(`Event name "${name}" is not valid.`);
  }
  for (const item of [...tools, ...resources, ...prompts, ...events]) {
    if (!(item.scope in server.scopes)) {
      throw new TypeError(
        `"${item.name}" needs scope "${item.scope}", which server "${server.name}" does not declare.`,
      );
    }
  }
}
