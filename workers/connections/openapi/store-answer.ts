import { maskText } from "../../../shared/redact/mask-text.ts";
import { RefusedRequest } from "../connector.ts";
import { storeStream, TooLarge } from "../files/store-stream.ts";
import { keyOfFile, MOST_OF_FILE, moveFile, noteFile } from "../files/tickets.ts";
import { joinBytes } from "../http/read-at-most.ts";
import { decodeText, mayHave, refuseHidden } from "./decode-text.ts";
import type { HttpAnswer, HttpRequest } from "./operation.ts";
import { isJson, isText } from "./read-answer.ts";

/** Bytes up to which a file that is no text is in the answer itself, as Base64. */
const MOST_INSIDE = 12_000;

/** Bytes of a text in which sensitive data is looked for: all of it is in memory then. */
const MOST_MASKED = 2_000_000;

/** Begins with what was read already. */
type Pieces = AsyncIterable<Uint8Array>;

/**
 * The beginning of an answer that may be a file: `whole` if there is no more of it, so that it fits into the answer;
 * `pieces` if it is larger. JSON is never a file, and `json` if it does not say that it is: a caller names the fields
 * that it needs.
 */
export async function peekAnswer(
  { headers, body }: Response,
  mostOfText: number,
): Promise<{ whole: Uint8Array } | { pieces: Pieces } | { json: Pieces } | null> {
  const media = headers.get("content-type") ?? "";
  if (body === null || media === "" || isJson(media)) return null;
  const most = isText(media) ? mostOfText : MOST_INSIDE;
  const reader = body.getReader();
  const read: Uint8Array[] = [];
  let bytes = 0;
  while (bytes <= most) {
    const { done, value } = await reader.read();
    if (done) return { whole: joinBytes(read) };
    read.push(value);
    bytes += value.byteLength;
  }
  const pieces = continueWith(read, reader);
  // Some systems call their JSON a plain text.
  const isPlain = /^text\/plain/i.test(media) && /^\s*[[{]/.test(new TextDecoder().decode(read[0]));
  return isPlain ? { json: pieces } : { pieces };
}

async function* continueWith(
  read: readonly Uint8Array[],
  reader: ReadableStreamDefaultReader<Uint8Array>,
): Pieces {
  try {
    yield* read;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/**
 * Stores an answer for its person. Throws {@link RefusedRequest} if it is too large, the person has too many files, or
 * may not have this one.
 */
export async function storeAnswer(
  env: Env,
  { connection, title }: { connection: string; title: string },
  { status, headers }: Response,
  pieces: Pieces,
  { target, owner }: Pick<HttpRequest, "target" | "owner">,
): Promise<HttpAnswer> {
  const media = headers.get("content-type") ?? "";
  const isMaskable = isText(media);
  if (!mayHave(owner, isMaskable)) {
    await end(pieces);
    throw refuseHidden(title);
  }
  const contents = owner.masks.length > 0 && isMaskable ? await mask(pieces, media, owner, title) : pieces;
  const name = nameOf(headers.get("content-disposition"), target);
  const noted = { connection, userId: owner.person, name, mediaType: media };
  const file = await noteFile(env.PLATFORM_DB, "out", noted);
  if (file === null) {
    await end(pieces);
    throw new RefusedRequest({
      code: "forbidden",
      message: "The person has too many files that were not fetched yet.",
      action: "Fetch them, or call again in 15 minutes.",
    });
  }
  const bytes = await storeStream(env.MEDIA, keyOfFile(file.id), contents, MOST_OF_FILE, {
    tool: owner.tool,
    masks: owner.masks.join(" "),
  }).catch((failure: unknown) => {
    if (failure instanceof TooLarge) throw tooLarge(title, MOST_OF_FILE);
    throw failure;
  });
  if (!(await moveFile(env.PLATFORM_DB, file.id, "storing", "stored", bytes))) {
    await env.MEDIA.delete(keyOfFile(file.id));
    throw new RefusedRequest({
      code: "not_found",
      message: "The files of the person were removed meanwhile.",
    });
  }
  const expires_at = new Date(file.expiresAt).toISOString();
  const stored = { id: file.id, name: file.name, bytes, media_type: file.mediaType, expires_at };
  const none = { items: null, result: null, next: null, total: null, cut: 0, isElsewhere: false };
  return { ...none, status, isJson: false, file: stored };
}

async function mask(
  pieces: Pieces,
  media: string,
  owner: NonNullable<HttpRequest["owner"]>,
  title: string,
): Promise<Pieces> {
  const read: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of pieces) {
    read.push(piece);
    bytes += piece.byteLength;
    if (bytes > MOST_MASKED) throw tooLarge(title, MOST_MASKED);
  }
  const whole = joinBytes(read);
  const text = decodeText(whole, media);
  if (!mayHave(owner, text !== null)) throw refuseHidden(title);
  return (async function* () {
    yield text === null ? whole : new TextEncoder().encode(maskText(text, owner.masks));
  })();
}

function tooLarge(title: string, most: number): RefusedRequest {
  return new RefusedRequest({
    code: "result_too_large",
    message: `${title} answers with a file of more than ${most} bytes.`,
    action: "Ask for less, or fetch it from the other system.",
  });
}

async function end(pieces: Pieces): Promise<void> {
  for await (const _piece of pieces) return;
}

/** The name that the other system gives (RFC 6266), or the end of the path; the ticket's own rules clean it. */
function nameOf(disposition: string | null, target: string): string {
  const [, extended] = /filename\*\s*=\s*UTF-8''([^;]{1,400})/i.exec(disposition ?? "") ?? [];
  const [, quoted, plain] =
    /filename\s*=\s*(?:"([^"]{1,300})"|([^;\s]{1,300}))/i.exec(disposition ?? "") ?? [];
  const [path = ""] = target.split("?");
  return decode(extended) ?? quoted ?? plain ?? decode(path.split("/").at(-1)) ?? "file";
}

function decode(text: string | undefined): string | undefined {
  try {
    return text === undefined ? undefined : decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
