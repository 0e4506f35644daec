import { type ListName, peekList, peekResource, type Viewer } from "./viewer.ts";

/** What a client waits for. */
export interface Wanted {
  uris: readonly string[];
  lists: readonly ListName[];
}

/** A notification of what changed, without `jsonrpc`. */
export interface ChangeNotice {
  method: string;
  params?: { uri: string };
}

/** What is waited for, with the fingerprints that the client knows: plain data, so that a session can keep it. */
export type Known = ReadonlyMap<string, string | null>;

/** Looks at everything wanted for the first time. Resources that the viewer cannot read are left out. */
export async function beginWatch(viewer: Viewer, { uris, lists }: Wanted): Promise<Known> {
  const known = new Map<string, string | null>();
  for (const list of lists) known.set(keyOf(list), await peekList(viewer, list));
  for (const uri of uris) {
    const seen = await peekResource(viewer, uri);
    if (seen !== null) known.set(uri, seen);
  }
  return known;
}

/** Looks again, and says what differs from what the client knows. What cannot be looked at now stays as it was. */
export async function lookAgain(
  viewer: Viewer,
  known: Known,
): Promise<{ known: Known; notices: ChangeNotice[] }> {
  const next = new Map(known);
  const notices: ChangeNotice[] = [];
  for (const [key, before] of known) {
    const list = listOf(key);
    const look = list === null ? peekResource(viewer, key) : peekList(viewer, list);
    const now = await look.catch(() => before);
    if (now === before) continue;
    next.set(key, now);
    notices.push(
      list === null
        ? { method: "notifications/resources/updated", params: { uri: key } }
        : { method: `notifications/${list}/list_changed` },
    );
  }
  return { known: next, notices };
}

/** A list's place among URIs, which all have a scheme. */
function keyOf(list: ListName): string {
  return `/${list}`;
}

function listOf(key: string): ListName | null {
  return key.startsWith("/") ? (key.slice(1) as ListName) : null;
}
