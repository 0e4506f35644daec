import { SdkError, SdkErrorCode, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";

type Send = StreamableHTTPClientTransport["send"];
type Message = Parameters<NonNullable<StreamableHTTPClientTransport["onmessage"]>>[0];

/** The question which generation the server speaks. The client goes on without its answer, as with a server of 2025. */
const PROBE = "server/discover";

/**
 * The SDK's transport, which fails a request once its stream has ended for good without an answer. The SDK's client waits for
 * such an answer until the time of the request is over.
 */
export class AnsweredTransport extends StreamableHTTPClientTransport {
  readonly #unanswered = new Set<string | number>();

  constructor(...given: ConstructorParameters<typeof StreamableHTTPClientTransport>) {
    super(...given);
    // The client's own handler calls this one first.
    this.onmessage = (message) => {
      if (!("method" in message) && message.id !== undefined) this.#unanswered.delete(message.id);
    };
  }

  /** For a request it rejects until its answer is there: the client makes of that the failure of this request alone. */
  override async send(...[message, options]: Parameters<Send>): Promise<void> {
    if (Array.isArray(message) || !("method" in message && "id" in message) || message.method === PROBE)
      return await super.send(message, options);
    const { id } = message;
    const ended = Promise.withResolvers<void>();
    const onRequestStreamEnd = () => {
      options?.onRequestStreamEnd?.();
      ended.resolve();
    };
    this.#unanswered.add(id);
    try {
      await super.send(message, { ...options, onRequestStreamEnd });
      if (this.#unanswered.has(id)) await ended.promise;
      if (this.#unanswered.has(id))
        throw new SdkError(SdkErrorCode.ConnectionClosed, "The stream ended without an answer.");
    } finally {
      this.#unanswered.delete(id);
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
