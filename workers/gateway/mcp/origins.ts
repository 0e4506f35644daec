import type { MiddlewareHandler } from "hono";
import { isLoopbackHost } from "../oauth/loopback-host.ts";
import { whomToAsk } from "../whom-to-ask.ts";

/** The variable with the allowed origins. */
const SETTING = "ALLOWED_ORIGINS";

/**
 * Exactly one origin, every host below one, or every origin of a scheme that only extensions and apps have.
 */
const ENTRY = /^(\*|[a-z][a-z0-9+.-]*:\/\/(\*|(\*\.)?[a-z0-9.-]+(:\d+)?|\[[0-9a-f:]+\](:\d+)?))$/;

/** The entries of the variable: origins separated by spaces. */
function listOrigins(setting: string | undefined): string[] {
  return (setting ?? "").split(/\s+/).filter((entry) => entry !== "");
}

/** Entries that can never match an origin. */
export function findBadOrigins(setting: string): string[] {
  return listOrigins(setting).filter((entry) => !ENTRY.test(entry) || entry === "https://*");
}

/**
 * Whether a page of this origin may use the MCP URLs from a browser: our own origin, loopback pages, and the
 * variable's entries. `https://*.example.com` allows every host below, `scheme://*` every origin of a scheme,
 * `*` all.
 */
export function isAllowedOrigin(origin: string, env: Pick<Env, "PUBLIC_URL" | "ALLOWED_ORIGINS">): boolean {
  if (origin === env.PUBLIC_URL) return true;
  const url = URL.parse(origin);
  const isWeb = url?.protocol === "http:" || url?.protocol === "https:";
  if (url !== null && isWeb && isLoopbackHost(url.hostname)) return true;
  return listOrigins(env.ALLOWED_ORIGINS).some((entry) => {
    if (entry === "*" || entry === origin) return true;
    const [scheme = "", host = ""] = entry.split("://");
    if (!origin.startsWith(`${scheme}://`)) return false;
    if (host === "*") return true;
    return host.startsWith("*.") && origin.endsWith(host.slice(1)) && origin.length > entry.length - 1;
  });
}

/**
 * Refuses pages of other origins at the MCP URLs, for preflights and requests (MCP 2025-11-25, «Security
 * Warning» of Streamable HTTP). Programs send no `Origin`.
 */
export const requireOrigin: MiddlewareHandler<{ Bindings: Env }> = async (c, next) => {
  const origin = c.req.header("Origin");
  if (origin === undefined || isAllowedOrigin(origin, c.env)) return await next();
  const name = /^[\x21-\x7e]{1,200}$/.test(origin) ? origin : "this origin";
  const message = `Pages of ${name} may not use this Gatehouse. Ask ${await whomToAsk(c.env)} to add the origin to ${SETTING} under [vars] in wrangler.toml.`;
  const body = { jsonrpc: "2.0", id: null, error: { code: -32000, message } };
  return c.json(body, 403, { "Access-Control-Allow-Origin": origin, Vary: "Origin" });
};
