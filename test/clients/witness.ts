import type { IncomingMessage } from "node:http";
import type { Front } from "../support/front.ts";

/**
 * The traffic between a program and Gatehouse, observed on the wire, independent of the program's own
 * reports.
 */
export interface Sightings {
  /** Method and path of every request, such as `POST /oauth/register`. */
  requests: ReadonlySet<string>;
  /** The protocol revision named by the last message with a token, or `null` when there was none. */
  revision: string | null;
  /** Whether messages belonged to a session. */
  session: boolean;
}

/** Observes all later traffic of the front; a second call ends the first observation. */
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
