import { openKeyring } from "../../auth/keyring.ts";
import { signText, verifyText } from "../../auth/sign-text.ts";
import { JSON_RPC, ProtocolFault } from "../../call/protocol-fault.ts";
import type { RequestContext } from "../../guard/request-context.ts";
import type { Listed } from "../../server/catalogue.ts";

/** Items per page of every list. */
const PAGE_SIZE = 100;

/** `<place>.<signature>`; the place is base64url, the signature is `signText`'s. */
const CURSOR = /^([A-Za-z0-9_-]{1,4000})\.(\d{1,6}\.[A-Za-z0-9_-]{43})$/;

/** End of a page: the key of its last item, and the number of items up to it. */
interface Place {
  after: string;
  position: number;
}

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
  const start = cursor === undefined ? 0 : findStart(items, await readCursor(reader, list, cursor));
  const page = items.slice(start, start + PAGE_SIZE);
  const last = page.at(-1);
  const position = start + page.length;
  if (last === undefined || position >= items.length) return { page };
  return { page, nextCursor: await writeCursor(reader, list, { after: keyOf(last), position }) };
}

function findStart(items: readonly { listed: Listed }[], { after, position }: Place): number {
  const found = items.findIndex((item) => keyOf(item) === after);
  // The item itself may have been deleted.
  return found < 0 ? Math.min(position, items.length) : found + 1;
}

function keyOf({ listed: { uri, uriTemplate, name } }: { listed: Listed }): string {
  return String(uri ?? uriTemplate ?? name);
}

async function writeCursor(reader: Reader, list: string, place: Place): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify(place));
  const text = btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
  return `${text}.${await signText(keysOf(reader), "cursor", describe(reader, list, text))}`;
}

async function readCursor(reader: Reader, list: string, cursor: string): Promise<Place> {
  const [, text = "", signature = ""] = CURSOR.exec(cursor) ?? [];
  if (!(await verifyText(keysOf(reader), "cursor", describe(reader, list, text), signature))) {
    const message =
      "This cursor belongs to another list or another reader. Start the list again without one.";
    throw new ProtocolFault(JSON_RPC.invalidParams, message);
  }
  const bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (char) =>
    char.charCodeAt(0),
  );
  return JSON.parse(new TextDecoder().decode(bytes)) as Place;
}

/** A cursor is request state, like the answers of a continued call, so it uses the same keys. */
function keysOf({ env }: Reader) {
  return openKeyring(env, "REQUEST_STATE_KEY");
}

function describe({ identity, catalogue }: Reader, list: string, text: string): string {
  return JSON.stringify([catalogue.name, list, identity.userId, identity.clientId, text]);
}
