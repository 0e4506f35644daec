import type { Catalogue } from "../server/catalogue.ts";
import type { StatelessLane } from "./stateless/stateless.ts";

/** The agents library's handler for session objects, used for DELETE. */
export interface SessionHandler {
  fetch(request: Request, env: Env, ctx: ExecutionContext): Promise<Response>;
}

/** One MCP URL with both protocol generations. */
export interface LaneOptions {
  catalogue: Catalogue;
  namespace: DurableObjectNamespace;
  /** Name of the namespace's binding. */
  binding: string;
  /** Whether the namespace's class serves every server that has none of its own. */
  sharedClass: boolean;
  door: SessionHandler;
  stateless(catalogue: Catalogue): StatelessLane;
  /** Whether clients of the old transport (2024-11-05, HTTP+SSE) are served too. */
  oldTransport: boolean;
  /** Hostnames that `Host` may contain. */
  hostnames: readonly string[];
  /** Builds the 403 challenge of RFC 6750 §3.1 with every scope the operation needs. */
  challenge(scopes: readonly string[]): Response;
  /** `WWW-Authenticate` value of a 401 after which a client reconnects (RFC 6750 §3, RFC 9728 §5.1). */
  reconnect: string;
}

/** A message and the text it was parsed from. */
export interface ReadMessage {
  body: Readonly<Record<string, unknown>>;
  text: string;
  inBatch?: boolean;
}
