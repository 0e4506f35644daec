import { JSON_RPC, jsonRpcError } from "../../call/protocol-fault.ts";
import { UNBUFFERED } from "../http/event-stream.ts";

/** Header that tells a session's object that a message came in a batch. */
export const BATCH_HEADER = "gatehouse-batch";

/** The only revision whose servers must accept batches (MCP 2025-03-26, «Streamable HTTP»). They ended with 2025-06-18. */
const BATCH_REVISION = "2025-03-26";

const STREAM = "text/event-stream";
const STREAM_HEADERS = {
  "content-type": STREAM,
  "cache-control": "no-store, no-transform",
  ...UNBUFFERED,
};

type Message = Record<string, unknown>;

/** Whether a session has batches: its first message asked for the revision that has them. */
export function allowsBatches(initialize: object | undefined): boolean {
  const { params } = (initialize ?? {}) as { params?: { protocolVersion?: unknown } };
  return params?.protocolVersion === BATCH_REVISION;
}

/**
 * Serves the messages of a batch one after the other, each as if it had come alone. The response is a JSON
 * array, or an SSE stream from the first message on that is answered with a stream. An HTTP error for the
 * first message, or ended access for any, refuses the batch; later refusals become JSON-RPC errors.
 */
export async function serveBatch(
  batch: readonly Message[],
  serve: (message: Message) => Promise<Response>,
): Promise<Response> {
  if (batch.some(({ method }) => method === "initialize")) {
    return jsonRpcError(400, JSON_RPC.invalidRequest, "initialize must not be part of a batch.");
  }
  const answers: unknown[] = [];
  for (const [index, message] of batch.entries()) {
    const response = await serve(message);
    const ends = response.status === 401 || (index === 0 && !response.ok);
    if (ends) return response;
    if (isStream(response)) return streamRest(answers, response, batch.slice(index + 1), serve);
    const answer = await readAnswer(message, response);
    if (answer !== undefined) answers.push(answer);
  }
  return answers.length === 0 ? new Response(null, { status: 202 }) : Response.json(answers);
}

/** A stream with the responses so far, then `current`, then the responses to the remaining messages. */
function streamRest(
  answers: readonly unknown[],
  current: Response,
  others: readonly Message[],
  serve: (message: Message) => Promise<Response>,
): Response {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const send = async (answer: unknown) => {
    const writer = writable.getWriter();
    await writer.write(new TextEncoder().encode(`event: message\ndata: ${JSON.stringify(answer)}\n\n`));
    writer.releaseLock();
  };
  const run = async () => {
    for (const answer of answers) await send(answer);
    await current.body?.pipeTo(writable, { preventClose: true });
    for (const message of others) {
      const response = await serve(message);
      if (isStream(response)) await response.body?.pipeTo(writable, { preventClose: true });
      else {
        const answer = await readAnswer(message, response);
        if (answer !== undefined) await send(answer);
      }
    }
    await writable.close();
  };
  // A disconnected client ends the stream; each message's own response aborts its call.
  run().catch((failure: unknown) => writable.abort(failure).catch(() => {}));
  return new Response(readable, { headers: STREAM_HEADERS });
}

function isStream({ headers }: Response): boolean {
  return headers.get("content-type") === STREAM;
}

/** The JSON-RPC response to one message of a batch; `undefined` for notifications and responses. */
async function readAnswer({ id, method }: Message, response: Response): Promise<unknown> {
  const text = await response.text();
  if (id === undefined || method === undefined) return undefined;
  const body = text === "" ? undefined : (JSON.parse(text) as Message);
  if (body?.jsonrpc === "2.0") return { ...body, id };
  const message = `This request was refused with HTTP ${response.status}. Send it alone to see why.`;
  return { jsonrpc: "2.0", id, error: { code: JSON_RPC.serverError, message } };
}
