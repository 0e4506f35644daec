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

/** From this revision on a stream begins with an empty event; older clients take its data for a message (SEP-1699). */
const PRIMED_SINCE = "2025-11-25";

/**
 * A transport in front of McpAgent's own: a POST is answered by the request that brought it, as JSON when the
 * answer is all there is and as an SSE stream when something comes before it. What a stream sends is logged first: a
 * client that lost it opens a GET with `Last-Event-ID`, and from there on the transport behind serves it, which also
 * has everything that belongs to no POST.
 */
export class PostTransport implements Transport {
  readonly #inner: Transport;
  readonly #log: StreamLog<JSONRPCMessage>;
  readonly #endStream: (stream: string) => void;
  readonly #open = new Map<RequestId, PostResponder>();
  /** Requests of the old transport that are being answered. */
  readonly #accepted = new Set<RequestId>();
  /**
   * What the ids of this object's own requests begin after. The SDK counts from 0 in every object, and a session may
   * have had another one before: an id must not come twice in it (MCP 2025-11-25, «Requests»), or the answer to an old
   * question would be taken for one to a new question.
   */
  readonly #firstId = (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) * 2 ** 20;
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: <T extends JSONRPCMessage>(message: T, extra?: MessageExtraInfo) => void;

  /** @param endStream - lets go of whoever listens to a stream that has been answered */
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

  /** Whether a request with this id is still being answered: a client may not use it twice. */
  isOpen(id: RequestId): boolean {
    return this.#open.has(id) || this.#accepted.has(id);
  }

  /** The request's answer will have this HTTP status instead of 200, unless its stream has begun. */
  setStatus(id: RequestId, status: number): void {
    this.#open.get(id)?.setStatus(status);
  }

  /** The request's answer will have the header `retry-after`, unless its stream has begun. */
  setRetryAfter(id: RequestId, seconds: number): void {
    this.#open.get(id)?.setRetryAfter(seconds);
  }

  /** Hands a client's message in. Resolves with the HTTP answer: 202 for everything but requests. */
  receive(message: JSONRPCMessage, extra: MessageExtraInfo, version: string | null): Promise<Response> {
    if (!isRequest(message)) {
      this.#hear(message, extra);
      if ("method" in message && message.method === "notifications/cancelled") this.#giveUp(message.params);
      return Promise.resolve(new Response(null, { status: 202 }));
    }
    const primed = version !== null && version >= PRIMED_SINCE;
    // Whether the client is still there or not: the call goes on, and what it sends is logged.
    const post = new PostResponder(() => {}, new LoggedStream(message.id, this.#log, primed));
    this.#open.set(message.id, post);
    this.#hear(message, extra);
    return post.response;
  }

  /** Hands a message to the SDK, in the form that it knows. */
  #hear(message: JSONRPCMessage, extra: MessageExtraInfo): void {
    if (isRequest(message)) this.onmessage?.(withoutTask(message), extra);
    else if ("method" in message || message.id === undefined) this.onmessage?.(message, extra);
    else this.onmessage?.({ ...message, id: Number(message.id) - this.#firstId }, extra);
  }

  /** The other way round: requests for the client's side, and the withdrawal of one, under ids of this object. */
  #name(message: JSONRPCMessage): JSONRPCMessage {
    if (isRequest(message)) return { ...message, id: this.#firstId + Number(message.id) };
    if (!("method" in message) || message.method !== "notifications/cancelled") return message;
    const requestId = this.#firstId + Number(message.params?.requestId);
    return { ...message, params: { ...message.params, requestId } };
  }

  /** A cancelled request gets no answer (MCP 2025-11-25, «Cancellation»), so its POST would stay open for ever. */
  #giveUp(params: Readonly<Record<string, unknown>> | undefined): void {
    const requestId = params?.requestId;
    const post = this.#open.get(requestId as RequestId);
    this.#open.delete(requestId as RequestId);
    post?.end(202);
    if (!post?.stream) return;
    this.#log.forget(post.stream);
    // The client may have come back for it.
    this.#endStream(post.stream);
  }

  /** Hands in a message of the old transport (2024-11-05): whatever answers it goes out on the session's one stream. */
  accept(message: JSONRPCMessage, extra: MessageExtraInfo): Response {
    if (isRequest(message)) this.#accepted.add(message.id);
    this.#hear(message, extra);
    return new Response(null, { status: 202 });
  }

  /** Closes the connection of a request while its work goes on; its client comes back for the answer. */
  release(id: RequestId): void {
    this.#open.get(id)?.release();
  }

  /** The client has opened the request's stream anew: the connection of its POST is dead, known or not. */
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
      // Its client has gone: the transport behind logs the message, and sends it when the client is back.
      await this.#inner.send(message, { ...options, relatedRequestId: id });
      if (final && post.stream) this.#endStream(post.stream);
      return;
    }
    // An answer nobody waits for any more, or one to `initialize`, which the object replays after an eviction.
    if (final) return;
    if (options?.relatedRequestId === undefined) return await this.#inner.send(message, options);
    // What its work still has to say after the answer: nothing of a request may follow that (MCP 2025-11-25,
    // «Progress»), least of all on the stream for what belongs to no request.
    if (isRequest(message)) throw new Error("The request that this belongs to has been answered.");
  }
}

/** The v1 server behind a transport that answers each POST in the request that brought it. */
export class SessionServer extends Server {
  posts: PostTransport | undefined;
  wrap: ((transport: Transport) => PostTransport) | undefined;

  override async connect(transport: Transport): Promise<void> {
    this.posts = this.wrap?.(transport);
    await super.connect(this.posts ?? transport);
  }
}

/**
 * Whether a message is a request. Looks at no more than that: what is in a message was checked when it was read, and the
 * SDK's own test would walk through all of it again.
 */
export function isRequest(message: JSONRPCMessage): message is JSONRPCRequest {
  return "method" in message && "id" in message;
}

/**
 * A request without the wish to run as a task of 2025-11-25: who does not declare such tasks «MUST process requests of
 * that type normally, ignoring any task-augmentation metadata», and the SDK would refuse it.
 */
function withoutTask(request: JSONRPCRequest): JSONRPCRequest {
  if (request.params?.task === undefined) return request;
  const { task: _wish, ...params } = request.params;
  return { ...request, params };
}

function isAnswer(message: JSONRPCMessage): message is JSONRPCResultResponse | JSONRPCErrorResponse {
  return !("method" in message);
}

/** The answer of a request whose own answer cannot be had any more. */
export function replaceAnswer(id: RequestId, reason: "interrupted" | "too large"): JSONRPCMessage {
  const message =
    reason === "interrupted"
      ? "The call was interrupted, and its outcome is not known. Look at the data before you call again."
      : "The answer was too large to keep until the connection was back. Call again.";
  return { jsonrpc: "2.0", id, error: { code: JSON_RPC.internalError, message } };
}

/** The events of one POST's stream, as its answer writes them. */
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
