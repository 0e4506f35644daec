import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import type { Transport, TransportSendOptions } from "@modelcontextprotocol/sdk/shared/transport.js";
import type {
  JSONRPCErrorResponse,
  JSONRPCMessage,
  JSONRPCRequest,
  JSONRPCResultResponse,
  MessageExtraInfo,
  RequestId,
} from "@modelcontextprotocol/sdk/types.js";
import { JSON_RPC } from "../../call/protocol-fault.ts";
import { PostResponder, type StreamEvents } from "../http/post-responder.ts";
import type { StreamLog } from "./stream-log.ts";

/**
 * First revision whose streams begin with an empty event; older clients take its data for a message
 * (SEP-1699).
 */
const PRIMED_SINCE = "2025-11-25";

/**
 * Wraps McpAgent's transport: each POST is answered in the request that brought it, as JSON if the response
 * is the only message and as an SSE stream otherwise. Events of a stream are logged before they are sent. A
 * client that lost its stream opens a GET with `Last-Event-ID`; from then on the inner transport serves it,
 * as it serves all messages that belong to no POST.
 */
export class PostTransport implements Transport {
  readonly #inner: Transport;
  readonly #log: StreamLog<JSONRPCMessage>;
  readonly #endStream: (stream: string) => void;
  readonly #open = new Map<RequestId, PostResponder>();
  /** Requests of the old transport without a response so far. */
  readonly #accepted = new Set<RequestId>();
  /**
   * Offset for the ids of this object's own requests. The SDK counts from 0 in every object, and a session
   * may have had another object before. Ids must be unique per session (MCP 2025-11-25, «Requests»);
   * otherwise the answer to an old question could be taken for the answer to a new one.
   */
  readonly #firstId = (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) * 2 ** 20;
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: <T extends JSONRPCMessage>(message: T, extra?: MessageExtraInfo) => void;

  /** @param endStream - disconnects the listener of a stream that has been answered */
  constructor(inner: Transport, log: StreamLog<JSONRPCMessage>, endStream: (stream: string) => void) {
    this.#inner = inner;
    this.#log = log;
    this.#endStream = endStream;
  }

  get sessionId(): string | undefined {
    return this.#inner.sessionId;
  }

  async start(): Promise<void> {
    this.#inner.onclose = () => this.onclose?.();
    this.#inner.onerror = (error) => this.onerror?.(error);
    this.#inner.onmessage = (message, extra) => this.onmessage?.(message, extra);
    await this.#inner.start();
  }

  async close(): Promise<void> {
    for (const post of this.#open.values()) post.end();
    this.#open.clear();
    await this.#inner.close();
  }

  setProtocolVersion(version: string): void {
    this.#inner.setProtocolVersion?.(version);
  }

  /** Whether a request with this id is still unanswered: a client must not reuse it. */
  isOpen(id: RequestId): boolean {
    return this.#open.has(id) || this.#accepted.has(id);
  }

  /** Sets the HTTP status of the request's response, unless its stream has begun. */
  setStatus(id: RequestId, status: number): void {
    this.#open.get(id)?.setStatus(status);
  }

  /** Sets the `retry-after` header of the request's response, unless its stream has begun. */
  setRetryAfter(id: RequestId, seconds: number): void {
    this.#open.get(id)?.setRetryAfter(seconds);
  }

  /** Receives a client's message. Resolves with the HTTP response: 202 for everything but requests. */
  receive(message: JSONRPCMessage, extra: MessageExtraInfo, version: string | null): Promise<Response> {
    if (!isRequest(message)) {
      this.#deliver(message, extra);
      if ("method" in message && message.method === "notifications/cancelled") this.#giveUp(message.params);
      return Promise.resolve(new Response(null, { status: 202 }));
    }
    const primed = version !== null && version >= PRIMED_SINCE;
    // A disconnected client does not end the call; its events are logged.
    const post = new PostResponder(() => {}, new LoggedStream(message.id, this.#log, primed));
    this.#open.set(message.id, post);
    this.#deliver(message, extra);
    return post.response;
  }

  /** Passes a message to the SDK, with ids as the SDK knows them. */
  #deliver(message: JSONRPCMessage, extra: MessageExtraInfo): void {
    if (isRequest(message)) this.onmessage?.(withoutTask(message), extra);
    else if ("method" in message || message.id === undefined) this.onmessage?.(message, extra);
    else this.onmessage?.({ ...message, id: Number(message.id) - this.#firstId }, extra);
  }

  /** The reverse: gives requests to the client, and their cancellations, the ids of this object. */
  #name(message: JSONRPCMessage): JSONRPCMessage {
    if (isRequest(message)) return { ...message, id: this.#firstId + Number(message.id) };
    if (!("method" in message) || message.method !== "notifications/cancelled") return message;
    const requestId = this.#firstId + Number(message.params?.requestId);
    return { ...message, params: { ...message.params, requestId } };
  }

  /**
   * A cancelled request gets no response (MCP 2025-11-25, «Cancellation»), so its POST must be closed here.
   */
  #giveUp(params: Readonly<Record<string, unknown>> | undefined): void {
    const requestId = params?.requestId;
    const post = this.#open.get(requestId as RequestId);
    this.#open.delete(requestId as RequestId);
    post?.end(202);
    if (!post?.stream) return;
    this.#log.forget(post.stream);
    // The client may have resumed the stream.
    this.#endStream(post.stream);
  }

  /**
   * Receives a message of the old transport (2024-11-05): its response is sent on the session's one stream.
   */
  accept(message: JSONRPCMessage, extra: MessageExtraInfo): Response {
    if (isRequest(message)) this.#accepted.add(message.id);
    this.#deliver(message, extra);
    return new Response(null, { status: 202 });
  }

  /**
   * Closes the connection of a request while its work continues; the client resumes the stream for the
   * response.
   */
  release(id: RequestId): void {
    this.#open.get(id)?.release();
  }

  /** The client has resumed the request's stream, so the connection of its POST is dead. */
  handOver(id: RequestId): void {
    this.#open.get(id)?.end();
  }

  async send(sent: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    const message = this.#name(sent);
    const final = isAnswer(message);
    const id = final ? message.id : options?.relatedRequestId;
    if (id !== undefined && this.#accepted.has(id)) {
      if (final) this.#accepted.delete(id);
      await this.#inner.send(message, options);
      return;
    }
    const post = id === undefined ? undefined : this.#open.get(id);
    if (post && id !== undefined) {
      if (final) this.#open.delete(id);
      if (post.write(message, final)) return;
      // The client has disconnected: the inner transport logs the message and sends it once the client
      // resumes.
      await this.#inner.send(message, { ...options, relatedRequestId: id });
      if (final && post.stream) this.#endStream(post.stream);
      return;
    }
    // A response without a waiting request, or one to `initialize`, which the object replays after an
    // eviction.
    if (final) return;
    if (options?.relatedRequestId === undefined) return await this.#inner.send(message, options);
    // A message after the response: none may follow it (MCP 2025-11-25, «Progress»), least of all on the
    // stream for messages that belong to no request.
    if (isRequest(message)) throw new Error("The request that this belongs to has been answered.");
  }
}

/** The v1 server over {@link PostTransport}. */
export class SessionServer extends Server {
  posts: PostTransport | undefined;
  wrap: ((transport: Transport) => PostTransport) | undefined;

  override async connect(transport: Transport): Promise<void> {
    this.posts = this.wrap?.(transport);
    await super.connect(this.posts ?? transport);
  }
}

/**
 * Whether a message is a request. Checks no more, because messages are validated when they are read and the
 * SDK's own test would walk the whole message again.
 */
export function isRequest(message: JSONRPCMessage): message is JSONRPCRequest {
  return "method" in message && "id" in message;
}

/**
 * A request without `task`, which asks to run as a task of 2025-11-25: a server that does not declare such
 * tasks «MUST process requests of that type normally, ignoring any task-augmentation metadata», and the SDK
 * would refuse it.
 */
function withoutTask(request: JSONRPCRequest): JSONRPCRequest {
  if (request.params?.task === undefined) return request;
  const { task: _wish, ...params } = request.params;
  return { ...request, params };
}

function isAnswer(message: JSONRPCMessage): message is JSONRPCResultResponse | JSONRPCErrorResponse {
  return !("method" in message);
}

/** The response to a request whose own response is lost. */
export function replaceAnswer(id: RequestId, reason: "interrupted" | "too large"): JSONRPCMessage {
  const message =
    reason === "interrupted"
      ? "The call was interrupted, and its outcome is not known. Look at the data before you call again."
      : "The answer was too large to keep until the connection was back. Call again.";
  return { jsonrpc: "2.0", id, error: { code: JSON_RPC.internalError, message } };
}

/** The events of one POST's stream, with the ids of its log. */
class LoggedStream implements StreamEvents {
  readonly #request: RequestId;
  readonly #log: StreamLog<JSONRPCMessage>;
  readonly primed: boolean;

  constructor(request: RequestId, log: StreamLog<JSONRPCMessage>, primed: boolean) {
    this.#request = request;
    this.#log = log;
    this.primed = primed;
  }

  open(): { stream: string; firstEvent: string } {
    const stream = this.#log.open(this.#request);
    return { stream, firstEvent: this.#log.firstEvent(stream) };
  }

  keep(stream: string, message: object): string {
    return this.#log.keep(stream, message as JSONRPCMessage);
  }
}
