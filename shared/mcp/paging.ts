import { JSON_RPC, ProtocolFault } from "./protocol-fault.ts";

/** Items per page of every list. */
const PAGE_SIZE = 100;

/**
 * One page of a list in stable order. Cursors are opaque to clients: base64url of the position.
 * Throws -32602 for a cursor that this function did not make (MCP 2025-11-25, «Pagination»).
 */
export function paginate<Item>(
  items: readonly Item[],
  cursor: string | undefined,
): { page: Item[]; nextCursor?: string } {
  const start = cursor === undefined ? 0 : decodeCursor(cursor);
  if (start > items.length) throw invalidCursor();
  const end = start + PAGE_SIZE;
  return { page: items.slice(start, end), ...(end < items.length && { nextCursor: encodeCursor(end) }) };
}

function encodeCursor(position: number): string {
  return btoa(`p:${position}`).replaceAll("=", "");
}

function decodeCursor(cursor: string): number {
  let text: string;
  try {
    text = atob(cursor);
  } catch {
    throw invalidCursor();
  }
  const position = /^p:([1-9]\d{0,8})$/.exec(text)?.[1];
  if (position === undefined) throw invalidCursor();
  return Number(position);
}

function invalidCursor(): ProtocolFault {
  return new ProtocolFault(JSON_RPC.invalidParams, "Unknown cursor. Start the list again without one.");
}
