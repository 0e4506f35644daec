import type { Transport, TransportSendOptions } from "@modelcontextprotocol/sdk/shared/transport.js";
import {
  isJSONRPCErrorResponse,
  isJSONRPCRequest,
  isJSONRPCResultResponse,
  type JSONRPCMessage,
  type MessageExtraInfo,
  type RequestId,
} from "@modelcontextprotocol/sdk/types.js";
import { PostAnswer } from "./post-answer.ts";

/**
 * A transport in front of McpAgent's own: a POST is answered by the request that brought it, as JSON when the
 * answer is all there is and as an SSE stream when something comes before it. Everything that belongs to no open
 * POST (messages on the GET stream) goes to the transport behind.
 */
export class PostExchangeTransport implements Transport {
  readonly #inner: Transport;
  readonly #open = new Map<RequestId, PostAnswer>();
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: <T extends JSONRPCMessage>(message: T, extra?: MessageExtraInfo) => void;

  constructor(inner: Transport) {
    this.#inner = inner;
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
    return this.#open.has(id);
  }

  /** The request's answer will have this HTTP status instead of 200, unless its stream has begun. */
  setStatus(id: RequestId, status: number): void {
    this.#open.get(id)?.setStatus(status);
  }

  /** Hands a client's message in. Resolves with the HTTP answer: 202 for everything but requests. */
  receive(message: JSONRPCMessage, extra: MessageExtraInfo): Promise<Response> {
    if (!isJSONRPCRequest(message)) {
      this.onmessage?.(message, extra);
      return Promise.resolve(new Response(null, { status: 202 }));
    }
    const post = new PostAnswer(() => this.#open.delete(message.id));
    this.#open.set(message.id, post);
    this.onmessage?.(message, extra);
    return post.response;
  }

  async send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    const final = isJSONRPCResultResponse(message) || isJSONRPCErrorResponse(message);
    const id = final ? message.id : options?.relatedRequestId;
    const post = id === undefined ? undefined : this.#open.get(id);
    if (post && id !== undefined) {
      if (final) this.#open.delete(id);
      post.write(message, final);
      return;
    }
    // An answer nobody waits for any more: the client hung up, or the object replays `initialize` after an eviction.
    if (final) return;
    await this.#inner.send(message, options?.relatedRequestId === undefined ? options : undefined);
  }
}
