import { z } from "zod";
import { readCursor, writeCursor } from "../../auth/cursor.ts";
import { JSON_RPC, ProtocolFault } from "../../call/protocol-fault.ts";
import type { RequestContext } from "../../guard/request-context.ts";
import type { Listed } from "../../server/catalogue.ts";

/** Items per page of every list. */
const PAGE_SIZE = 100;

/** End of a page: the key of its last item, and the number of items up to it. */
const place = z.object({ after: z.string(), position: z.int() });
type Place = z.output<typeof place>;

/** The reader of a list. A cursor is valid only for the reader it was issued to. */
type Reader = Pick<RequestContext, "env" | "identity" | "catalogue">;

/**
 * One page of a list. Cursors are opaque and signed for one list, URL, user and app; they name the item after
 * which a page begins, so that items added or removed before it shift nothing. Throws -32602 for a cursor of
 * another reader (MCP 2025-11-25, «Pagination»).
 *
 * @param list - the method, so that cursors of different lists cannot be exchanged
 */
export async function paginate<Item extends { listed: Listed }>(
  reader: Reader,
  list: string,
  items: readonly Item[],
  cursor: string | undefined,
): Promise<{ page: Item[]; nextCursor?: string }> {
  const start = cursor === undefined ? 0 : findStart(items, await readPlace(reader, list, cursor));
  const page = items.slice(start, start + PAGE_SIZE);
  const last = page.at(-1);
  const position = start + page.length;
  if (last === undefined || position >= items.length) return { page };
  const next: Place = { after: keyOf(last), position };
  return { page, nextCursor: await writeCursor(reader.env, boundOf(reader, list), next) };
}

async function readPlace(reader: Reader, list: string, cursor: string): Promise<Place> {
  const read = await readCursor(reader.env, boundOf(reader, list), place, cursor);
  if (read !== null) return read;
  const message = "This cursor belongs to another list or another reader. Start the list again without one.";
  throw new ProtocolFault(JSON_RPC.invalidParams, message);
}

function findStart(items: readonly { listed: Listed }[], { after, position }: Place): number {
  const found = items.findIndex((item) => keyOf(item) === after);
  // The item itself may have been deleted.
  return found < 0 ? Math.min(position, items.length) : found + 1;
}

function keyOf({ listed: { uri, uriTemplate, name } }: { listed: Listed }): string {
  return String(uri ?? uriTemplate ?? name);
}

function boundOf({ identity, catalogue }: Reader, list: string): string[] {
  return [catalogue.name, list, identity.userId, identity.clientId];
}
