import type { z } from "zod";
import { ToolError } from "../call/tool-error.ts";
import { textFromBase64, toBase64Url } from "../encoding/base64.ts";
import { openKeyring } from "./keyring.ts";
import { signText, verifyText } from "./sign-text.ts";

/** Most characters of a cursor: a next address of 16,000 bytes, encoded, with its signature. */
export const MOST_OF_CURSOR = 24_000;

/** `<position>.<signature>`; the position is JSON in base64url, the signature is `signText`'s. */
const CURSOR = /^([A-Za-z0-9_-]{1,24000})\.(\d{1,6}\.[A-Za-z0-9_-]{43})$/;

/**
 * Encodes the end of a page as an opaque text (MCP 2025-11-25, «Pagination»), signed for one list and reader.
 *
 * Throws {@link ToolError} if it would have more than {@link MOST_OF_CURSOR} characters.
 *
 * @param bound - names of the list and its reader: a cursor of another list or reader is refused
 */
export async function writeCursor(env: Env, bound: readonly string[], position: unknown): Promise<string> {
  const text = toBase64Url(JSON.stringify(position));
  const cursor = `${text}.${await signText(keysOf(env), "cursor", describe(bound, text))}`;
  // A cursor that is not taken back would end the list without a word.
  if (cursor.length > MOST_OF_CURSOR)
    throw new ToolError("unavailable", "The place of the next page is too long to be named.");
  return cursor;
}

/** Reads a cursor of {@link writeCursor}; `null` if it was issued for another list or reader. */
export async function readCursor<Position>(
  env: Env,
  bound: readonly string[],
  position: z.ZodType<Position>,
  cursor: string,
): Promise<Position | null> {
  if (cursor.length > MOST_OF_CURSOR) return null;
  const [, text = "", signature = ""] = CURSOR.exec(cursor) ?? [];
  if (!(await verifyText(keysOf(env), "cursor", describe(bound, text), signature))) return null;
  // An earlier release may have signed positions of another shape.
  return position.safeParse(JSON.parse(textFromBase64(text))).data ?? null;
}

/** A cursor is request state, like the answers of a continued call, so it uses the same keys. */
function keysOf(env: Env) {
  return openKeyring(env, "REQUEST_STATE_KEY");
}

function describe(bound: readonly string[], text: string): string {
  return JSON.stringify([...bound, text]);
}
