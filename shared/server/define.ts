import type { z } from "zod";
import type { ContentBlock, PromptMessage, ResourceContents } from "../call/content.ts";
import type { ContextAccess, EntityReference } from "../call/entity-reference.ts";
import type { LogLevel } from "../call/log-level.ts";
import type { MaskRules } from "../call/mask-rules.ts";
import type { PrincipalIdentity } from "../call/principal.ts";
import type { Agreement, NeededRight, PreviewedChange, Proposal } from "../call/proposal.ts";
import type { Answer, Question } from "../call/question.ts";
import type { Effect } from "../call/subject.ts";
import type { JsonValue } from "../encoding/json.ts";
import type { TaskWorkflow } from "./task-workflow.ts";

/** An icon of a server, tool, resource or prompt (MCP `Icon`). */
export interface Icon {
  src: string;
  mimeType?: string;
  sizes?: string[];
}

/** What every tool, resource and prompt gets beside its arguments. */
export interface CallContext<Store = unknown> {
  /** All data access of this server; made for this call. */
  store: Store;
  principal: PrincipalIdentity;
  context: ContextAccess;
  /** Aborted on cancel, hang-up and deadline. */
  signal: AbortSignal;
  /**
   * Asks another system over HTTP: the global `fetch` with the call's trace, deadline and cancellation, and a line in the
   * log. See `openUpstream` for what it refuses. Use it instead of the global one.
   */
  fetch: typeof fetch;
  /** The time of the call. Use it instead of the clock, so that one call has one "now". */
  now: Date;
}

/** What can ask back: a tool, and a prompt. */
export interface AskingContext<Store = unknown> extends CallContext<Store> {
  /**
   * Asks the person, or the client. Until the answer is here, `run` must not have changed anything: in the
   * stateless generation it is entered again from its start once the answer arrives. Questions that do not depend
   * on each other are asked together with `Promise.all`; they travel in one round.
   * A client that declared no such capability gets `client_unsupported`, or -32021 in the stateless generation.
   */
  ask<Schema extends z.ZodObject>(question: Question<Schema>): Promise<Answer<Schema>>;
  /** Asks the client's model for a completion (MCP sampling). Same rules as {@link ask}. */
  sample(prompt: string, options?: { maxTokens?: number; system?: string }): Promise<string>;
}

/** What a tool gets beside its arguments. */
export interface ToolContext<Store = unknown> extends AskingContext<Store> {
  /** Whether the client can show its person a form; otherwise `ask` fails. */
  canAsk: boolean;
  /**
   * Lets the connection go while the call goes on, before a long wait. A client that can come back does so for the
   * answer; every other keeps its connection.
   */
  release(): void;
  /**
   * Gets the person's yes to exactly this. A client that can ask is always asked; any other gets `agreed: false` with a
   * `confirm` value, and comes back with it as `given`. Throws `cancelled` when the person says no, and `conflict` when
   * `given` stands for something else than would happen now.
   */
  agree(proposal: Proposal, given?: string): Promise<Agreement>;
  /** A `confirm` value for this proposal; holds for an hour. */
  sealConfirm(proposal: Proposal): Promise<string>;
  /** Whether a `confirm` value was made for this proposal, person, app, tool and arguments, and has not ended. */
  fitsConfirm(proposal: Proposal, given: string): Promise<boolean>;
  /** Milliseconds until the call's deadline; the time that a person takes to answer is not counted. */
  timeLeft(): number;
  /** Reports progress; a client that did not ask for it gets nothing. */
  progress(done: number, total?: number, message?: string): void;
  /** Sends a log message to the client, from the level on that it asked for. */
  log(level: LogLevel, data: JsonValue): void;
}

/** A tool, written once and served by both protocol generations. */
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
  /** The scope a token needs. */
  scope: string;
  /** True when the tool reaches systems outside of Gatehouse (`openWorldHint`). */
  openWorld?: boolean;
  /** True when a repeated call with the same arguments changes nothing more. Reads always are. */
  idempotent?: boolean;
  /** True when a call is dear to run: it has a limit of its own and uses more of the person's daily quota. */
  costly?: boolean;
  icons?: Icon[];
  input: Input;
  /** Shape of the structured answer. Without it `run` returns content blocks. */
  output?: Output;
  /** Input fields that fall back to the session default of the same name when the caller leaves them out. */
  inherits?: readonly (keyof z.input<Input> & string)[];
  /**
   * The output's one array field that may be long. When the answer is over the size cap, the guard keeps the
   * rest behind a result handle and adds `more: { handle, shown, total, how }`.
   */
  overflow?: Output extends z.ZodObject ? keyof z.output<Output> & string : never;
  /** Milliseconds until the call is aborted. Default 20,000. */
  timeoutMs?: number;
  /**
   * The records behind the ids of a call, by their names: whoever approves it reads these. Ten at most are shown, masked
   * for the approver by their classification; a failure leaves the ids alone.
   */
  nameSubjects?(
    input: z.output<Input>,
    context: Pick<CallContext<Store>, "store" | "now">,
  ): Promise<EntityReference[]>;
  /**
   * Rights that this very call needs besides its own: what takes a change back needs the right to make it. Asked of the
   * policy with their arguments; where one of them needs an approval, this call does.
   */
  needs?(input: z.output<Input>, context: Pick<CallContext<Store>, "store" | "now">): Promise<NeededRight[]>;
  /**
   * Refuses what `run` would refuse anyway, before a person is asked to approve it: throws {@link ToolError}. Changes
   * nothing, and `run` still checks.
   */
  check?(
    input: z.output<Input>,
    context: Pick<CallContext<Store>, "store" | "principal" | "now">,
  ): Promise<void>;
  /**
   * What the call would change, for whoever approves it; a few records at most. The approval is bound to it: when it
   * reads otherwise by the time that the call runs, the call is asked about again.
   */
  preview?(
    input: z.output<Input>,
    context: Pick<CallContext<Store>, "store" | "principal" | "now">,
  ): Promise<PreviewedChange[]>;
  /** The view that clients with MCP Apps show the answer in; one of the server's resources, see `defineView`. */
  view?: ResourceDefinition<Store>;
  /** Set by `defineLongTool`: the steps that `run` takes within one call, and a task takes one by one. */
  work?: TaskWorkflow<unknown, unknown, unknown, Store>;
  /** Extra blocks (links, pictures) that follow the JSON text copy of the structured answer. */
  content?(
    output: Output extends z.ZodObject ? z.output<Output> : never,
    input: z.output<Input>,
  ): ContentBlock[] | Promise<ContentBlock[]>;
  run(
    input: z.output<Input>,
    context: ToolContext<Store>,
  ): Promise<Output extends z.ZodObject ? z.input<Output> : ContentBlock[]>;
}

/** Suggests values for one argument, best first. At most 100 are sent. */
export type Completer<Store> = {
  bivarianceHack(
    value: string,
    context: CallContext<Store>,
    others: Readonly<Record<string, string>>,
  ): Promise<string[]> | string[];
}["bivarianceHack"];

/** A resource with a fixed `uri`, or a family of resources with a `uriTemplate` (RFC 6570 level 1: `{name}`). */
export interface ResourceDefinition<Store = unknown> {
  name: string;
  title: string;
  description: string;
  /** Exactly one of `uri` and `uriTemplate` is set. */
  uri?: string;
  uriTemplate?: string;
  mimeType: string;
  /** What the JSON text of its contents holds, with classified fields; the guard masks by it wherever they appear. */
  contents?: z.ZodObject;
  /** True when it is a part of the product and the same for everyone, like a view: there is nothing to mask in it. */
  fixed?: true;
  /** MCP `_meta` of its entry in the list. */
  meta?: Record<string, JsonValue>;
  scope: string;
  icons?: Icon[];
  /** Lists members of a template; they appear in `resources/list`. Bounded: at most 1,000. */
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
  /** When it was changed last, ISO 8601. */
  lastModified?: string;
}

/** A prompt that a person picks in the client. Arguments are strings on the wire. */
export interface PromptDefinition<Arguments extends z.ZodObject = z.ZodObject, Store = unknown> {
  name: string;
  title: string;
  description: string;
  scope: string;
  icons?: Icon[];
  /** Every field parses from a string; `.describe()` each. */
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
  /** The scope that any access needs; advertised in the 401. */
  baseline: string;
  /** Session defaults this server understands, one optional field each; `context_set` validates against it. */
  defaults: z.ZodObject;
  /** The server's icon: SVG path data, drawn as lines on 32 × 32. Without one it has the mark of the house. */
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
   * What the server offers beside its own definitions, where that is data: read for one published revision (a SHA-256),
   * once per isolate. Rejects when the revision cannot be read; its items are left out until it can.
   */
  discover?(env: Env, revision: string): Promise<Definitions<Store>>;
}

/** What a server offers. */
export interface Definitions<Store = unknown> {
  tools: readonly ToolDefinition<z.ZodObject, z.ZodObject | undefined, Store>[];
  resources: readonly ResourceDefinition<Store>[];
  prompts: readonly PromptDefinition<z.ZodObject, Store>[];
}

/** Declares a tool. Annotate the second parameter of `run` with `ToolContext<YourStore>`. */
export function defineTool<
  Input extends z.ZodObject,
  Store,
  Output extends z.ZodObject | undefined = undefined,
>(definition: ToolDefinition<Input, Output, Store>): ToolDefinition<Input, Output, Store> {
  return definition;
}

/** Declares a resource or a family of resources. */
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

/** Declares a server. Checks names and scopes at start, so that a mistake is a clear error and not a wrong URL. */
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
 * Checks names, scopes and views of what a server offers. Throws a `TypeError` that names the mistake.
 *
 * @param server - declares the scopes, and the views beside those that are offered
 */
export function checkDefinitions<Store>(
  server: ServerDefinition<Store>,
  { tools, resources, prompts }: Definitions<Store>,
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
  for (const item of [...tools, ...resources, ...prompts]) {
    if (!(item.scope in server.scopes)) {
      throw new TypeError(
        `"${item.name}" needs scope "${item.scope}", which server "${server.name}" does not declare.`,
      );
    }
  }
}
