import { ToolError } from "../../../shared/call/tool-error.ts";
import { boundBody } from "../../../shared/upstream/bounded-body.ts";

/** Most bytes of one stream that belong to no message: comments that keep it open, line ends, unknown fields. */
export const MOST_SILENT_BYTES = 100_000;

const LF = 10;
const CR = 13;

/** First bytes of the fields that belong to a message: `data`, `event`, `id` and `retry`. */
const OF_MESSAGE: ReadonlySet<number | undefined> = new Set(
  [..."deir"].map((letter) => letter.charCodeAt(0)),
);

/**
 * A stream of server-sent events that fails with {@link ToolError} `unavailable` after {@link MOST_SILENT_BYTES} that belong to
 * no message (WHATWG HTML, 9.2.5). Each byte that is parsed takes time from other calls, so a server that sends nothing else
 * is left early.
 *
 * @param who - the server, as the subject of the error's sentence
 */
export function boundSilence(body: ReadableStream<Uint8Array>, who: string): ReadableStream<Uint8Array> {
  let left = MOST_SILENT_BYTES;
  let isInMessage = false;
  let isAtStart = true;
  const countSilence = (chunk: Uint8Array): number => {
    const endFrom = lineEndsOf(chunk);
    let silent = 0;
    for (let at = 0; at < chunk.length; ) {
      if (isAtStart) isInMessage = OF_MESSAGE.has(chunk[at]);
      const end = endFrom(at);
      isAtStart = end !== -1;
      const next = isAtStart ? end + 1 : chunk.length;
      if (!isInMessage) silent += next - at;
      at = next;
    }
    return silent;
  };
  return boundBody(body, (piece) => {
    left -= countSilence(piece);
    if (left < 0) throw new ToolError("unavailable", `${who} sends much that is no message.`);
  });
}

/**
 * Finds line ends from left to right: the place of the next one, or -1. Each byte is looked at once for each kind. The line
 * feed of a CRLF then counts as an empty line, which is one byte of silence.
 */
function lineEndsOf(chunk: Uint8Array): (from: number) => number {
  const next = [LF, CR].map((kind) => ({ kind, at: chunk.indexOf(kind) }));
  return (from) => {
    let first = -1;
    for (const place of next) {
      if (place.at !== -1 && place.at < from) place.at = chunk.indexOf(place.kind, from);
      if (place.at !== -1 && (first === -1 || place.at < first)) first = place.at;
    }
    return first;
  };
}
