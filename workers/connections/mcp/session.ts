import { Client, type Progress, ProtocolError, ProtocolErrorCode } from "@modelcontextprotocol/client";
import { z } from "zod";
import type { McpEntry } from "../../../shared/connections/kinds/mcp.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import {
  ASKS_NOTHING,
  type ConnectionReport,
  type ConnectionRequest,
  type ConnectionTarget,
  type ForeignQuestion,
} from "../../../shared/objects/connection-gate.ts";
import { cleanLine, cleanText } from "../../../shared/text/clean-text.ts";
import { LostSession, RefusedRequest, type Session, type SessionCaller } from "../connector.ts";
import { concealSecrets } from "../http/conceal-secrets.ts";
import { openOrClose } from "../open-or-close.ts";
import { openAuthorizedFetch, type RequestOwner } from "./authorized-fetch.ts";
import { answerOfClient, type ClientAnswer, readQuestion } from "./client-questions.ts";
import type { Credential } from "./credential.ts";
import { describeListed, type Listed } from "./definitions.ts";
import { ListBudget } from "./list-budget.ts";
import { readOperation } from "./operation.ts";
import { onlyForward, passOn, plain, refuseFlood } from "./pass-on.ts";
import { PROTOCOL_NAMES } from "./protocol-names.ts";
import { AnsweredTransport } from "./transport.ts";
import { DefinitionWatch } from "./watch.ts";

/** Milliseconds that an idle session is kept: a server of 2025 may remember things in it. */
const IDLE_MS = 10 * 60_000;

/** The pool's clock ends a request; the SDK's own limit must not come first. */
const NO_LIMIT_MS = 30 * 60_000;

/** Milliseconds that the notice of a cancellation has before the streams of its call are closed. */
const NOTICE_MS = 500;

/** Most pages of one list. */
const MOST_PAGES = 64;

/** Most requests of one call: a review reads {@link MOST_PAGES} of four lists, and streams are resumed. */
const MOST_REQUESTS = 400;

const MODES = { auto: "auto", "2025": "legacy", "2026": { pin: "2026-07-28" } } as const;

const NO_OWNER = { traceId: "0".repeat(32), tokenId: "", signal: new AbortController().signal };

/** A session with an MCP server of either generation. It serves one call at a time, so a question has one addressee. */
export class McpSession implements Session {
  readonly signsEachRequest = true;
  readonly idleMs = IDLE_MS;
  readonly #client: Client;
  readonly #transport: AnsweredTransport;
  readonly #watch: DefinitionWatch;
  readonly #credential: Credential;
  #caller: SessionCaller | null = null;
  #requests = 0;
  #owner: RequestOwner = { ...NO_OWNER, count: () => this.#count() };
  #running = new AbortController();
  /** Ends the streams of the running call. */
  #streams = new AbortController();
  #isUsable = true;

  private constructor(env: Env, target: ConnectionTarget, entry: McpEntry, credential: Credential) {
    this.#credential = credential;
    const { person, model, folders } = entry.asks;
    const asks = target.session?.asks ?? ASKS_NOTHING;
    const elicitation = { ...(asks.form && { form: {} }), ...(asks.url && { url: {} }) };
    const elicits = person && Object.keys(elicitation).length > 0;
    this.#client = new Client(
      { name: "gatehouse", version: "1" },
      {
        capabilities: {
          ...(elicits && { elicitation }),
          ...(model && asks.model && { sampling: {} }),
          ...(folders && asks.folders && { roots: {} }),
        },
        versionNegotiation: { mode: MODES[entry.reach.generation] },
      },
    );
    this.#transport = new AnsweredTransport(new URL(entry.reach.url), {
      fetch: openAuthorizedFetch(env, target, credential, () => this.#owner),
      onInsufficientScope: "throw",
    });
    this.#watch = new DefinitionWatch(env, target, () => this.#list());
    if (elicits) {
      this.#client.setRequestHandler("elicitation/create", (asked, { mcpReq }) =>
        this.#ask<ClientAnswer["elicitation/create"]>(entry.title, asked, mcpReq.id),
      );
    }
    if (model && asks.model) {
      this.#client.setRequestHandler("sampling/createMessage", (asked, { mcpReq }) =>
        this.#ask<ClientAnswer["sampling/createMessage"]>(entry.title, asked, mcpReq.id),
      );
    }
    if (folders && asks.folders) {
      this.#client.setRequestHandler("roots/list", ({ method }, { mcpReq }) =>
        this.#ask<ClientAnswer["roots/list"]>(entry.title, { method, params: {} }, mcpReq.id),
      );
    }
    this.#client.setNotificationHandler("notifications/message", ({ params }) => {
      const data = this.#conceal(params.data);
      const text = typeof data === "string" ? data : JSON.stringify(data);
      this.#caller?.log(params.level, `${entry.title}: ${cleanText(text ?? "", 2_000)}`);
    });
    for (const list of ["tools", "resources", "prompts"] as const)
      this.#client.setNotificationHandler(`notifications/${list}/list_changed`, () => this.#watch.forget());
    // A question that it was not told to be possible: a server of 2025 gets an error, and its call may go on.
    this.#client.fallbackRequestHandler = async () => {
      this.#caller?.refused("not_allowed");
      throw new ProtocolError(ProtocolErrorCode.MethodNotFound, "Method not found");
    };
    this.#client.onclose = () => {
      this.#isUsable = false;
    };
  }

  static async open(
    env: Env,
    target: ConnectionTarget,
    entry: McpEntry,
    credential: Credential,
    timeoutMs?: number,
  ): Promise<McpSession> {
    const session = new McpSession(env, target, entry, credential);
    const { signal } = session.#running;
    await openOrClose(
      () => session.#client.connect(session.#transport, { signal }),
      () => session.close(),
      timeoutMs,
    );
    session.#transport.understandWithoutType();
    return session;
  }

  isUsable(): boolean {
    return this.#isUsable;
  }

  async run(
    { entry }: ConnectionTarget,
    request: ConnectionRequest,
    _timeoutMs: number,
    caller: SessionCaller,
  ): Promise<JsonValue> {
    const operation = readOperation(request);
    this.#running = new AbortController();
    this.#streams = new AbortController();
    const { signal } = this.#running;
    const { traceId = NO_OWNER.traceId, tokenId = "" } = request.call ?? {};
    this.#owner = { ...this.#owner, traceId, tokenId, signal: this.#streams.signal };
    this.#requests = 0;
    this.#caller = caller;
    try {
      const result = await this.#perform(operation, entry as McpEntry, signal);
      if (operation.operation === "discover") return this.#conceal(result as JsonValue);
      const conceal = (value: JsonValue) => this.#conceal(value);
      return passOn(result, { entry: entry as McpEntry, isRepeatable: request.repeatable, conceal });
    } catch (failure) {
      if (this.#requests > MOST_REQUESTS) throw refuseFlood(entry.title, request.repeatable);
      if (isLost(failure)) this.#isUsable = false;
      throw isLost(failure) ? new LostSession("The session is lost.", { cause: failure }) : failure;
    } finally {
      this.#caller = null;
      this.#owner = { ...this.#owner, signal: NO_OWNER.signal };
    }
  }

  async inspect({ entry }: ConnectionTarget): Promise<ConnectionReport> {
    const start = Date.now();
    const { definitions, leftOut } = describeListed(await this.#list());
    const server = this.#client.getServerVersion();
    const version = this.#client.getNegotiatedProtocolVersion() ?? "";
    return {
      server: `${cleanLine(`${server?.name ?? entry.title} ${server?.version ?? ""}`, 80)} (MCP ${cleanLine(version, 20)})`,
      ms: Date.now() - start,
      excess: [],
      exposed: definitions.map(({ type, name }) => `${type} ${name}`),
      proposals: {},
      mistakes: leftOut.map(({ type, name, reason }) => `The ${type} "${name}" ${reason}; it is left out.`),
    };
  }

  async cancel(): Promise<void> {
    const reason = new DOMException("The call was cancelled.", "AbortError");
    this.#running.abort(reason);
    // A server of 2025 is told in a request of its own; then the stream of the call is of no use.
    const streams = this.#streams;
    setTimeout(() => streams.abort(reason), NOTICE_MS);
  }

  close(): void {
    this.#isUsable = false;
    this.#running.abort(new DOMException("The session was closed.", "AbortError"));
    void this.#transport.terminateSession().catch(() => {});
    void this.#client.close().catch(() => {});
  }

  async #perform(
    operation: ReturnType<typeof readOperation>,
    entry: McpEntry,
    signal: AbortSignal,
  ): Promise<unknown> {
    const options = { signal, timeout: NO_LIMIT_MS, maxTotalTimeout: NO_LIMIT_MS };
    switch (operation.operation) {
      case "discover":
        return describeListed(await this.#list(signal));
      case "call_tool": {
        const { name, arguments: args, digest, headers } = operation;
        await this.#watch.check(name, digest, entry.on_change);
        const toolDefinition = { name, inputSchema: { ...headers, type: "object" as const } };
        const tell = onlyForward((done, total, message?: string) =>
          this.#caller?.progress(done, total, message && cleanLine(this.#conceal(message), 500)),
        );
        const onprogress = ({ progress, total, message }: Progress) => tell(progress, total, message);
        const params = { name, arguments: args, _meta: LOGGED };
        return await this.#client.callTool(params, { ...options, toolDefinition, onprogress });
      }
      case "read_resource":
        return await this.#client.readResource({ uri: operation.uri }, { ...options, cacheMode: "bypass" });
      case "get_prompt":
        return await this.#client.getPrompt(
          { name: operation.name, arguments: operation.arguments },
          options,
        );
      case "complete":
        return await this.#client.complete(
          { ref: operation.ref, argument: operation.argument, context: { arguments: operation.others } },
          options,
        );
    }
  }

  /** A server may send pings, and end streams that are to be resumed, without an end. Its session serves no other call. */
  #count(): void {
    this.#requests += 1;
    if (this.#requests <= MOST_REQUESTS) return;
    const reason = new DOMException("Too many requests.", "AbortError");
    this.#isUsable = false;
    this.#running.abort(reason);
    this.#streams.abort(reason);
    throw reason;
  }

  /** Everything that the server lists, of the kinds that it declares. */
  async #list(signal?: AbortSignal): Promise<Listed> {
    const { tools, resources, prompts } = this.#client.getServerCapabilities() ?? {};
    const budget = new ListBudget();
    const listAll = (method: string, member: string) => this.#listAll(method, member, budget, signal);
    // One after the other: a server that answers slowly is asked for one thing at a time.
    return {
      tools: tools ? await listAll("tools/list", "tools") : [],
      resources: resources ? await listAll("resources/list", "resources") : [],
      templates: resources
        ? await listAll("resources/templates/list", "resourceTemplates").catch(noTemplates)
        : [],
      prompts: prompts ? await listAll("prompts/list", "prompts") : [],
    };
  }

  /** The pages of a list. Not by the SDK's own method, for which one wrong item makes the whole list wrong. */
  async #listAll(
    method: string,
    member: string,
    budget: ListBudget,
    signal: AbortSignal | undefined,
  ): Promise<unknown[]> {
    const page = z.looseObject({ nextCursor: z.string().optional() });
    const items: unknown[] = [];
    let cursor: string | undefined;
    for (let read = 0; read < MOST_PAGES && !budget.isSpent; read += 1) {
      const params = cursor === undefined ? {} : { cursor };
      const found = await this.#client.request({ method, params }, page, { ...(signal && { signal }) });
      items.push(...budget.take(z.array(z.unknown()).parse(found[member])));
      if (found.nextCursor === undefined || found.nextCursor === cursor) break;
      cursor = found.nextCursor;
    }
    return items;
  }

  /** The server may repeat what identifies Gatehouse, or the person, at it. */
  #conceal<Value>(value: Value): Value {
    return concealSecrets(value, this.#credential.secrets(), PROTOCOL_NAMES);
  }

  #read(
    title: string,
    method: ForeignQuestion["method"],
    params: Record<string, JsonValue>,
  ): ForeignQuestion {
    try {
      return readQuestion(title, method, params);
    } catch (failure) {
      // A server of 2025 gets the refusal as an answer, and its call may go on.
      if (failure instanceof RefusedRequest) this.#caller?.refused(failure.failure.attempt ?? "question");
      throw failure;
    }
  }

  async #ask<Answer>(
    title: string,
    { method, params }: { method: ForeignQuestion["method"]; params: object },
    id: string | number,
  ): Promise<Answer> {
    // A question that comes while no call runs has no addressee.
    if (this.#caller === null) throw new RefusedRequest({ code: "cancelled", message: "No call runs." });
    const question = this.#read(title, method, this.#conceal(plain(params)) as Record<string, JsonValue>);
    // Of a server of 2026-07-28 it is the key of the question; a server of 2025 numbers its requests.
    const key = typeof id === "string" && /^[A-Za-z0-9_.-]{1,64}$/.test(id) ? { key: id } : {};
    return answerOfClient(method, await this.#caller.ask({ ...question, ...key })) as Answer;
  }
}

/** A server of 2026-07-28 sends log messages at this level and above; the near side filters by its own. */
const LOGGED = { "io.modelcontextprotocol/logLevel": "debug" };

function noTemplates(failure: unknown): [] {
  // Many servers have resources without knowing this method.
  if ((failure as { code?: unknown }).code === -32601) return [];
  throw failure;
}

function isLost(failure: unknown): boolean {
  for (let cause = failure; cause instanceof Error; cause = cause.cause)
    if (cause instanceof LostSession) return true;
  return false;
}
