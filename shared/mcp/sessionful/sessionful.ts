import type { Server } from "@modelcontextprotocol/sdk/server/index.js";
import {
  isInitializeRequest,
  type JSONRPCMessage,
  JSONRPCMessageSchema,
  type ServerNotification,
  SUPPORTED_PROTOCOL_VERSIONS,
} from "@modelcontextprotocol/sdk/types.js";
import { CfWorkerJsonSchemaValidator } from "@modelcontextprotocol/sdk/validation/cfworker";
import type { Connection, ConnectionContext } from "agents";
import { McpAgent } from "agents/mcp";
import { decodeIdentity } from "../../auth/identity-header.ts";
import type { LogLevel } from "../../call/log-level.ts";
import type { RequestContext } from "../../guard/request-context.ts";
import { CHANGE_HEADER } from "../../objects/change-gate.ts";
import { delayAfter, ObjectAlarm } from "../../objects/object-alarm.ts";
import { END_HEADER, forgetSession, noteSession } from "../../objects/open-work.ts";
import { sessionIdOf } from "../../objects/session-name.ts";
import { logFailure } from "../../observe/log.ts";
import { withMessage } from "../../observe/spans.ts";
import { runInTrace, traceIdOf, traceOf } from "../../observe/trace.ts";
import { policyInForce } from "../../policy/current.ts";
import { PUBLICATION_HEADER } from "../../policy/reference.ts";
import type { Catalogue } from "../../server/catalogue.ts";
import { emptyContext, type SessionContext } from "../../session/context.ts";
import { ResultStore } from "../../session/result-store.ts";
import type { SessionMemory } from "../../session/session-memory.ts";
import { BINDING_HEADER, STREAM_HEADER } from "../http/headers.ts";
import { CAPABILITIES, SERVER_INFO } from "../methods/server-info.ts";
import { allowsBatches, BATCH_HEADER } from "./batch.ts";
import { createDurableObjectMemory } from "./durable-object-memory.ts";
import { pickHeaders } from "./pick-headers.ts";
import { isRequest, PostTransport, replaceAnswer, SessionServer } from "./post-transport.ts";
import { refuse } from "./refusals.ts";
import { SessionWatch } from "./session-watch.ts";
import { type Extra, sessionfulChannel } from "./sessionful-channel.ts";
import { registerMethods } from "./sessionful-methods.ts";
import { LISTEN_STREAM, StreamLog } from "./stream-log.ts";

/** Seconds without a request after which a session ends and its object's storage is deleted. */
const IDLE_SECONDS = 24 * 60 * 60;

/** Seconds that an object of the old transport outlives its connection: calls may still be running. */
const OLD_SESSION_SECONDS = 5 * 60;

/**
 * A session's last use is stored at most this often (milliseconds), so that calls do not cost a write each.
 */
const LAST_USE_GRAIN_MS = 10 * 60_000;

/** Log level of a client that never sent `logging/setLevel`. */
const DEFAULT_LOG_LEVEL: LogLevel = "info";

/**
 * The sessionful generation (2024-11-05 to 2025-11-25): one McpAgent Durable Object per session. A subclass
 * only names its catalogue. Identity comes with each request, so a narrowed or stepped-up token counts at
 * once.
 */
export abstract class SessionAgent extends McpAgent<Env, SessionContext> {
  protected abstract get catalogue(): Catalogue;
  override initialState = emptyContext();
  server!: SessionServer;
  #home!: SessionMemory;
  // Created at once: a client may ask for a stream before the library has called `init`.
  readonly #streams = new StreamLog<JSONRPCMessage>(this.ctx.storage.sql, replaceAnswer, (stream) =>
    this.#endStream(stream),
  );
  readonly #alarm = new ObjectAlarm(this.ctx.storage, "SessionAgent");
  #lastUseAt = 0;
  #logLevel = DEFAULT_LOG_LEVEL;
  #watch: SessionWatch | undefined;
  /** Whether the session is known to have begun, so that not every message reads storage. */
  #begun = false;

  /** Called by McpAgent whenever the object starts, before the transport is connected. */
  override async init(): Promise<void> {
    this.server = new SessionServer(
      { ...SERVER_INFO, title: this.catalogue.title },
      {
        capabilities: CAPABILITIES,
        instructions: this.catalogue.instructions,
        jsonSchemaValidator: new CfWorkerJsonSchemaValidator(),
      },
    );
    this.server.wrap = (transport) =>
      new PostTransport(transport, this.#streams, (stream) => this.#endStream(stream));
    this.#home = createDurableObjectMemory(new ResultStore(this.ctx.storage.sql), {
      read: () => this.state,
      write: (context) => this.setState(context),
    });
    this.#logLevel = (await this.ctx.storage.get<LogLevel>("logLevel")) ?? DEFAULT_LOG_LEVEL;
    const { env, catalogue, name } = this;
    const watch = await SessionWatch.open({
      ...{ env, catalogue, name, storage: this.ctx.storage },
      hasStream: () => this.#hasNewsStream(),
      // Sent on the stream for notifications; without one it is kept for the next.
      tell: (notice) => void this.server.notification(notice as ServerNotification).catch(() => {}),
      end: () => this.#closeStreams(),
    });
    this.#watch = watch;
    registerMethods(this.server, {
      watch,
      ctx: (extra) => this.#exchange(this.server, extra),
      setLogLevel: async (level) => {
        this.#logLevel = level;
        await this.ctx.storage.put("logLevel", level);
      },
    });
  }

  /** A stream needs a session, and a resumed one an event that has successors. */
  override async fetch(request: Request): Promise<Response> {
    const { headers } = request;
    const fault =
      headers.get(STREAM_HEADER) === "GET"
        ? ((await this.#findFault(headers.get("mcp-protocol-version"))) ??
          this.#findEnd(headers.get("last-event-id")))
        : undefined;
    return fault ?? (await super.fetch(request));
  }

  /**
   * Why a stream cannot be resumed. The library would open an empty stream, and for an unknown event replace
   * the stream for notifications with it; clients keep reconnecting to a stream that ends without a response.
   * In this revision 405 means that there is no stream, and clients stop.
   */
  #findEnd(lastEvent: string | null): Response | undefined {
    if (lastEvent === null || this.#streams.follows(lastEvent)) return undefined;
    return refuse("noSuccessor");
  }

  /** Why this object refuses a request: it holds no session, or the client uses another revision. */
  async #findFault(version: string | null): Promise<Response | undefined> {
    if (!this.#begun && !(await this.getInitializeRequest())) {
      return refuse("noSession");
    }
    this.#begun = true;
    if (version === null || SUPPORTED_PROTOCOL_VERSIONS.includes(version)) return undefined;
    return refuse("revision");
  }

  /** A POST from the Worker: identity checked, session seal removed, body read and parsed once more here. */
  override async onRequest(request: Request): Promise<Response> {
    const change = request.headers.get(CHANGE_HEADER);
    if (change !== null) return await this.#hear(Number(change));
    if (request.headers.has(END_HEADER)) return await this.#endNow();
    if (request.headers.has(BATCH_HEADER) && !allowsBatches(await this.getInitializeRequest()))
      return refuse("batch");
    const parsed = JSONRPCMessageSchema.safeParse(await request.json());
    if (!parsed.success) return refuse("noMessage");
    const message: JSONRPCMessage = parsed.data;
    if (isInitializeRequest(message)) await this.setInitializeRequest(message);
    const version = request.headers.get("mcp-protocol-version");
    const fault = await this.#findFault(version);
    if (fault) return fault;
    const posts = this.server.posts;
    if (!posts) return refuse("starting");
    await this.#touch(request.headers);
    // No await until the request is registered: two requests may arrive at once.
    if (isRequest(message) && posts.isOpen(message.id)) return refuse("openId");
    const extra = { requestInfo: { headers: pickHeaders(request.headers) } };
    const id = isRequest(message) ? message.id : undefined;
    return await runInTrace(withMessage(traceOf(request.headers), id, version), async () =>
      this.getTransportType() === "sse"
        ? posts.accept(message, extra)
        : posts.receive(message, extra, version),
    );
  }

  /**
   * A stream for notifications opens. It also works without notifications, so a failure here does not close
   * it.
   */
  override async onConnect(connection: Connection, context: ConnectionContext): Promise<void> {
    await super.onConnect(connection, context);
    const { headers } = context.request;
    // A client that resumes one response opens a stream too.
    const lastEvent = headers.get("last-event-id");
    const resumed = lastEvent === null ? undefined : await this.#streams.getStreamIdForEventId(lastEvent);
    if (resumed !== undefined && resumed !== LISTEN_STREAM) return;
    const binding = headers.get(BINDING_HEADER) ?? "";
    const publication = Number(headers.get(PUBLICATION_HEADER) ?? 0);
    try {
      await this.#watch?.listen(decodeIdentity(headers), binding, publication);
    } catch (failure) {
      logFailure("lists_not_watched", failure, { server: this.catalogue.name });
    }
  }

  #hasNewsStream(): boolean {
    const connections = [...this.getConnections<{ streamId?: string }>()];
    if (this.getTransportType() === "sse") return connections.length > 0;
    return connections.some(({ state }) => state?.streamId === LISTEN_STREAM);
  }

  /** A session of the old transport is its one connection; a new connection gets a new session. */
  override async onClose(): Promise<void> {
    if (this.getTransportType() === "sse") await this.schedule(OLD_SESSION_SECONDS, "end");
  }

  /**
   * The client ended the session (DELETE). Scheduled clean-up runs later; until then every request is
   * refused.
   */
  override async _cf_terminateSession(): Promise<void> {
    this.#begun = false;
    await this.#watch?.leave();
    await super._cf_terminateSession();
    this.#forget();
  }

  /** An operator ends the session: as {@link _cf_terminateSession}, and no stream of it stays open. */
  async #endNow(): Promise<Response> {
    const begun = this.#begun || (await this.getInitializeRequest()) !== undefined;
    this.#closeStreams();
    await this._cf_terminateSession();
    return new Response(null, { status: begun ? 204 : 410 });
  }

  #forget(): void {
    this.ctx.waitUntil(forgetSession(this.env.PLATFORM_DB, sessionIdOf(this.getSessionId())));
  }

  override async alarm(): Promise<void> {
    await this.#alarm.run(() => super.alarm());
  }

  /** Deletes everything of the session. */
  async end(failures?: unknown): Promise<void> {
    await this.#orLater("end", failures, () => this.destroy());
  }

  /**
   * The library drops a scheduled callback after three failures, and an unused session would then never end.
   */
  async #orLater(callback: "end" | "endWhenIdle", before: unknown, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (failure) {
      const failures = (typeof before === "number" ? before : 0) + 1;
      await this.schedule(delayAfter(failures) / 1000, callback, failures);
      logFailure("alarm_failed", failure, { object: "SessionAgent", work: callback, failures });
    }
  }

  override async destroy(): Promise<void> {
    await this.#watch?.leave();
    this.#forget();
    await super.destroy();
  }

  /** The library's event store keeps every event forever; ours keeps events that can still be resumed. */
  override getEventStore() {
    return this.#streams;
  }

  /** The library asks which requests a stream answers, when a client resumes it. */
  override async getStreamRequestIds(stream: string) {
    const request = this.#streams.requestOf(stream);
    if (request === undefined) return undefined;
    this.server.posts?.handOver(request);
    return [request];
  }

  /** The reverse of {@link getStreamRequestIds}. */
  override async getStreamForRequestId(request: string | number) {
    const streamId = this.#streams.streamOf(request);
    return streamId === undefined ? undefined : { streamId, requestIds: [request] };
  }

  #endStream(stream: string): void {
    for (const connection of this.getConnections<{ streamId?: string }>()) {
      if (stream !== LISTEN_STREAM && connection.state?.streamId === stream)
        connection.close(1000, "Answered");
    }
  }

  /**
   * The alarm's check: ends a session without requests for {@link IDLE_SECONDS}, or schedules another check.
   */
  async endWhenIdle(failures?: unknown): Promise<void> {
    await this.#orLater("endWhenIdle", failures, async () => {
      const lastUse = (await this.ctx.storage.get<number>("lastUseAt")) ?? 0;
      const idleFor = (Date.now() - lastUse) / 1000;
      if (idleFor >= IDLE_SECONDS) await this.destroy();
      else await this.schedule(Math.ceil(IDLE_SECONDS - idleFor), "endWhenIdle");
    });
  }

  async #touch(headers: Headers): Promise<void> {
    const now = Date.now();
    // Not in memory after hibernation; without it every call after a pause would write and subscribe again.
    if (this.#lastUseAt === 0) this.#lastUseAt = (await this.ctx.storage.get<number>("lastUseAt")) ?? 0;
    if (now - this.#lastUseAt < LAST_USE_GRAIN_MS) return;
    const known = this.#lastUseAt > 0;
    this.#lastUseAt = now;
    await this.ctx.storage.put("lastUseAt", now);
    await this.#watch?.renew();
    if (!known) await this.schedule(IDLE_SECONDS, "endWhenIdle");
    const { userId: person, clientId } = decodeIdentity(headers);
    const id = sessionIdOf(this.getSessionId());
    const address = { binding: headers.get(BINDING_HEADER) ?? "", object: this.name };
    const session = { id, ...address, server: this.catalogue.name, person, clientId };
    this.ctx.waitUntil(noteSession(this.env.PLATFORM_DB, session, now));
  }

  /** Something that this session subscribes to may have changed. */
  async #hear(publication: number): Promise<Response> {
    if (await this.#watch?.hear(publication)) return new Response(null, { status: 204 });
    // The hub's request has re-created an object whose session had ended; delete it.
    if (!(await this.getInitializeRequest())) await this.schedule(1, "end");
    return new Response(null, { status: 410 });
  }

  #closeStreams(): void {
    for (const stream of this.getConnections()) stream.close(1000, "Access ended");
  }

  async #exchange(server: Server, extra: Extra): Promise<RequestContext> {
    const headers = new Headers(extra.requestInfo?.headers as Record<string, string> | undefined);
    const identity = decodeIdentity(headers);
    await this.#watch?.follow(identity);
    const policy = await policyInForce(this.env, Number(headers.get(PUBLICATION_HEADER) ?? 0));
    return {
      env: this.env,
      catalogue: await this.catalogue.at(this.env, policy.revisions),
      identity,
      policy,
      lane: "sessionful",
      sessionId: sessionIdOf(this.getSessionId()),
      traceId: traceIdOf(headers),
      session: this.#home,
      channel: sessionfulChannel(server, extra, this.#logLevel, () =>
        this.server.posts?.release(extra.requestId),
      ),
      signal: extra.signal,
      waitUntil: (promise) => this.ctx.waitUntil(promise),
      endAccess: () => {
        this.server.posts?.setStatus(extra.requestId, 401);
        this.#closeStreams();
      },
      retryAfter: (seconds) => this.server.posts?.setRetryAfter(extra.requestId, seconds),
    };
  }
}
