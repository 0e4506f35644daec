import { z } from "zod";
import { ToolError } from "../../shared/call/tool-error.ts";
import type { JsonValue } from "../../shared/encoding/json.ts";

/**
 * Encodes the position after the last row of a page as an opaque text (MCP: clients must not parse it). The
 * cursor is valid for the same `question` only.
 */
export function encodeCursor(position: JsonValue, question: JsonValue): string {
  const json = JSON.stringify([digest(question), position]);
  return btoa(json).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Decodes a cursor. Throws `invalid_input` when it is damaged or belongs to another query. */
export function decodeCursor<Position>(
  cursor: string,
  question: JsonValue,
  position: z.ZodType<Position>,
): Position {
  const parsed = z.tuple([z.string(), position]).safeParse(parse(cursor));
  if (!parsed.success) {
    throw new ToolError("invalid_input", "The cursor is not one that this tool returned.", {
      suggestedAction: "Leave cursor out to start at the first page, then pass next_cursor unchanged.",
    });
  }
  if (parsed.data[0] !== digest(question)) {
    throw new ToolError("invalid_input", "The cursor belongs to a search with other arguments.", {
      suggestedAction: "Repeat the arguments of the first page together with its next_cursor.",
    });
  }
  return parsed.data[1];
}

function parse(cursor: string): unknown {
  try {
    return JSON.parse(atob(cursor.replaceAll("-", "+").replaceAll("_", "/")));
  } catch {
    return undefined;
  }
}

/**
 * FNV-1a, 32 bit. It detects mix-ups; a forged cursor gains nothing, since it can only move within allowed
 * rows.
 */
function digest(question: JsonValue): string {
  let hash = 0x811c9dc5;
  for (const character of JSON.stringify(question)) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  }
  return (hash >>> 0).toString(36);
}
