import { ToolError } from "../../../shared/call/tool-error.ts";
import { isExchanged } from "../../../shared/connections/entry.ts";
import type { McpEntry } from "../../../shared/connections/kinds/mcp.ts";
import type { ConnectionFailure, ConnectionTarget } from "../../../shared/objects/connection-gate.ts";
import { refusedExchanged } from "../accounts/person-token.ts";
import { type Connector, RefusedRequest } from "../connector.ts";
import { openCredential } from "./credential.ts";

/** Connects to MCP servers with the client of SDK v2, which speaks both generations. */
export const mcp: Connector = {
  async open(env, target, secret, _memory, timeoutMs) {
    const { McpSession } = await import("./session.ts");
    const entry = target.entry as McpEntry;
    // An unpublished entry is tested with the secret that the command gives.
    const credential = openCredential(env, target, target.revision === "" ? secret : null);
    return await McpSession.open(env, target, entry, credential, timeoutMs);
  },
  explain,
};

/** JSON-RPC errors that say something about the request (MCP 2025-11-25; -32002 before 2026-07-28). */
const PROTOCOL_FAILURES: Readonly<Record<number, Pick<ConnectionFailure, "code"> & { what: string }>> = {
  [-32602]: { code: "invalid_input", what: "refuses the arguments" },
  [-32601]: { code: "not_found", what: "does not know this method" },
  [-32002]: { code: "not_found", what: "does not know this resource" },
  [-32042]: {
    code: "forbidden",
    what: "wants the person to visit a page first, which is not passed on here",
  },
};

/** Our words for a failure of the SDK; the other system's text stays in the log. */
function explain(failure: unknown, { entry }: ConnectionTarget): ConnectionFailure | null {
  const { title } = entry;
  for (let cause = failure; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof RefusedRequest) return cause.failure;
    if (cause instanceof ToolError && cause.code === "forbidden")
      return { code: "forbidden", message: cause.message, action: cause.suggestedAction, attempt: "address" };
    const { code, status, name } = cause as Error & { code?: unknown; status?: unknown };
    if (status === 401 || status === 403)
      return isExchanged(entry) ? refusedExchanged(title) : refusedCredential(title);
    if (typeof code === "number" && name === "ProtocolError") {
      if (code === -32021) return lackingClient(title, cause);
      const { code: own, what } = PROTOCOL_FAILURES[code] ?? {
        code: "unavailable" as const,
        what: "reports an error",
      };
      return { code: own, message: `${title} ${what} (JSON-RPC ${code}).` };
    }
    if (code === "CAPABILITY_NOT_SUPPORTED") {
      const message = `${title} asks something that this connection does not pass on.`;
      return { code: "forbidden", message, attempt: "not_allowed" };
    }
    if (name === "AbortError") return { code: "cancelled", message: "The call was cancelled." };
  }
  return null;
}

/** The server wants to ask what the client did not declare, or what the entry does not pass on. */
function lackingClient(title: string, failure: Error): ConnectionFailure {
  const { requiredCapabilities: wanted = {} } = ((failure as { data?: unknown }).data ?? {}) as {
    requiredCapabilities?: object;
  };
  const [needs] = Object.entries(NEEDS).flatMap(([ability, method]) =>
    Object.hasOwn(wanted, ability) ? [method] : [],
  );
  const message = `${title} wants to ask the client for something that it cannot answer, or that this connection does not pass on.`;
  return { code: "client_unsupported", message, ...(needs !== undefined && { needs }) };
}

const NEEDS = {
  sampling: "sampling/createMessage",
  roots: "roots/list",
  elicitation: "elicitation/create",
} as const;

function refusedCredential(title: string): ConnectionFailure {
  return {
    code: "unavailable",
    message: `${title} refuses the account of this connection.`,
    action: "Ask its owner to set the secret again: npm run connections -- secret <name>",
  };
}
