import type { StoredFile } from "./operation.ts";

/** The file of a ticket, opened. */
export interface OpenedFile extends StoredFile {
  contents: ReadableStream<Uint8Array>;
}

/** One part of a multipart body whose files are stored. */
export type StreamPart =
  | { name: string; text: string }
  | { name: string; bytes: Uint8Array }
  | { name: string; opened: OpenedFile };

/** A stored file as a body, with its length: an API need not take a body of unknown length. */
export function streamFile({ bytes, contents }: OpenedFile): ReadableStream<Uint8Array> {
  return contents.pipeThrough(new FixedLengthStream(bytes));
}

/** A multipart body (RFC 7578) with stored files, of which no more than a piece is in memory. */
export function streamParts(parts: readonly StreamPart[]): {
  body: ReadableStream<Uint8Array>;
  media: string;
} {
  const boundary = `gatehouse-${crypto.randomUUID()}`;
  const encoder = new TextEncoder();
  const pieces = parts.flatMap((part) => [
    encoder.encode(`--${boundary}\r\n${headOf(part)}\r\n\r\n`),
    "opened" in part ? part.opened : "text" in part ? encoder.encode(part.text) : part.bytes,
    encoder.encode("\r\n"),
  ]);
  pieces.push(encoder.encode(`--${boundary}--\r\n`));
  const total = pieces.reduce(
    (sum, piece) => sum + ("contents" in piece ? piece.bytes : piece.byteLength),
    0,
  );
  const { readable, writable } = new FixedLengthStream(total);
  void write(pieces, writable.getWriter());
  return { body: readable, media: `multipart/form-data; boundary=${boundary}` };
}

async function write(
  pieces: readonly (Uint8Array | OpenedFile)[],
  writer: WritableStreamDefaultWriter<Uint8Array>,
): Promise<void> {
  try {
    for (const piece of pieces) {
      if (!("contents" in piece)) await writer.write(piece);
      else for await (const chunk of piece.contents) await writer.write(chunk);
    }
    await writer.close();
  } catch (failure) {
    // The request fails with it.
    await writer.abort(failure).catch(() => {});
  }
}

function headOf(part: StreamPart): string {
  const name = `Content-Disposition: form-data; name="${escapeName(part.name)}"`;
  if ("text" in part) return name;
  const file = "opened" in part ? part.opened : { name: part.name, media: "application/octet-stream" };
  return `${name}; filename="${escapeName(file.name)}"\r\nContent-Type: ${file.media}`;
}

/** As browsers write them (HTML, «multipart/form-data encoding algorithm»): a name cannot end its header. */
function escapeName(name: string): string {
  return name.replace(/\r/g, "%0D").replace(/\n/g, "%0A").replace(/"/g, "%22");
}
