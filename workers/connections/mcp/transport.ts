import { SdkError, SdkErrorCode, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";

type Send = StreamableHTTPClientTransport["send"];
type Message = Parameters<NonNullable<StreamableHTTPClientTransport["onmessage"]>>[0];

/** The question which generation the server speaks. The client goes on without its answer, as with a server of 2025. */
const PROBE = "server/discover";

/**
 * The SDK's transport, which ends a call once the stream of one of its requests has ended for good without an answer. The
 * SDK's client waits for such an answer until the time of the request is over.
 */
export class AnsweredTransport extends StreamableHTTPClientTransport {
  readonly #unanswered = new Set<string | number>();
  readonly #running: () => AbortController;

  /** @param running - what ends the call that runs at this moment */
  constructor(
    url: URL,
    options: ConstructorParameters<typeof StreamableHTTPClientTransport>[1],
    running: () => AbortController,
  ) {
    super(url, options);
    this.#running = running;
    // The client's own handler calls this one first.
    this.onmessage = (message) => {
      if (!("method" in message) && message.id !== undefined) this.#unanswered.delete(message.id);
    };
  }

  override async send(...[message, options]: Parameters<Send>): Promise<void> {
    if (Array.isArray(message) || !("method" in message && "id" in message) || message.method === PROBE)
      return await super.send(message, options);
    const { id } = message;
    // A stream may end when its call is over and another one runs.
    const call = this.#running();
    this.#unanswered.add(id);
    const onRequestStreamEnd = () => {
      options?.onRequestStreamEnd?.();
      if (this.#unanswered.delete(id))
        call.abort(new SdkError(SdkErrorCode.ConnectionClosed, "The stream ended without an answer."));
    };
    try {
      await super.send(message, { ...options, onRequestStreamEnd });
    } catch (failure) {
      this.#unanswered.delete(id);
      throw failure;
    }
  }

  /**
   * From now on, a result without `resultType` is a complete one: a server of 2026-07-28 that leaves it out means what was
   * meant before that revision. The SDK's client refuses it.
   */
  understandWithoutType(): void {
    const hear = this.onmessage;
    this.onmessage = (message, ...more) => hear?.(withType(message), ...more);
  }
}

function withType(message: Message): Message {
  const result = "result" in message ? message.result : undefined;
  if (result === undefined || Object.hasOwn(result, "resultType")) return message;
  return { ...message, result: { ...result, resultType: "complete" } } as Message;
}
