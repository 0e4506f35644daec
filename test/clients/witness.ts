import type { IncomingMessage } from "node:http";
import type { Front } from "../support/front.ts";

/** What passed between a program and Gatehouse, seen from the wire and not from what the program says of itself. */
export interface Sightings {
  /** Method and path of everything that was asked for, such as `POST /oauth/register`. */
  requests: ReadonlySet<string>;
  /** The protocol revision named by the last message with a token, or `null` when there was none. */
  revision: string | null;
  /** Whether messages belonged to a session. */
  session: boolean;
}

/** Watches everything that passes the front from now on; a second watch ends the first. */
export function watchFront(front: Front): () => Sightings {
  const requests = new Set<string>();
  let revision: string | null = null;
  let session = false;
  front.watch = ({ method, url, headers }: IncomingMessage) => {
    requests.add(`${method} ${url?.split("?")[0]}`);
    if (method !== "POST" || headers.authorization === undefined || !url?.startsWith("/mcp")) return;
    const named = headers["mcp-protocol-version"];
    if (typeof named === "string") revision = named;
    session ||= headers["mcp-session-id"] !== undefined;
  };
  return () => ({ requests, revision, session });
}
