import type { MiddlewareHandler } from "hono";
import { refuse } from "../failures.tsx";
import { listResources } from "../oauth/resources.ts";

/** Paths at which programs look for MCP with a wrong address, in any case. */
const LIKELY = /^\/(api\/|v\d\/)?(mcp|sse|messages?|rpc|jsonrpc)(\/|$)/i;

/** A page of another origin may read the response: it contains nothing that the home page does not. */
const READABLE = {
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Allow-Methods": "*",
  "Access-Control-Allow-Headers": "Authorization, *",
};

/** Tells a client at a wrong address where MCP is. Runs after every route for programs. */
export const directLostClients: MiddlewareHandler<{ Bindings: Env }> = async (c, next) => {
  const toRoot = c.req.path === "/" && (c.req.method === "POST" || c.req.method === "OPTIONS");
  const isStream = c.req.path === "/" && c.req.header("Accept")?.toLowerCase() === "text/event-stream";
  if (!toRoot && !isStream && !LIKELY.test(c.req.path)) return await next();
  for (const [name, value] of Object.entries(READABLE)) c.header(name, value);
  if (c.req.method === "OPTIONS") return c.body(null, 204);
  const url = await nearestUrl(c.env, c.req.path);
  return await refuse(c, {
    status: 404,
    code: "not_found",
    title: "MCP is elsewhere",
    message: `MCP is served at ${url}.`,
    action: `Give your client ${url}, or one of the addresses listed at ${c.env.PUBLIC_URL}/.`,
  });
};

/** The MCP URL that an address misspells, or the one with all servers. */
async function nearestUrl(env: Env, path: string): Promise<string> {
  const spelled = path.toLowerCase().replace(/\/+$/, "");
  const resources = await listResources(env);
  return (resources.find((resource) => resource.path === spelled) ?? resources[0])?.url ?? env.PUBLIC_URL;
}
