import http from "node:http";
import type { AddressInfo } from "node:net";
import { serveAttacking } from "./attacking.ts";
import { serveAuthorization } from "./authorization.ts";
import { serveChangeable } from "./changeable.ts";
import { serveExchange } from "./exchange.ts";
import { serveGrowing } from "./growing.ts";
import { serveHostile } from "./hostile.ts";
import { serveHostileApi } from "./hostile-api.ts";
import { serveLegacy } from "./legacy.ts";
import { serveModern } from "./modern.ts";

/** Host of the MCP servers of the tests. */
export interface McpServers {
  host: string;
}

/**
 * Starts MCP servers outside of the runtime: `/legacy` (2025, sessions), `/modern` (2026), `/hostile/<manner>`, `/hostile-api/<manner>` (an HTTP API), `/attacking`,
 * which attacks as it is told, `/set/<name>`, whose tools a test sets with PUT, `/growing/<name>/<generation>`, whose lists change, and `/guarded/legacy`, which wants the bearer token `sesame`. `POST /forget` loses every session. They end with the
 * process, which they do not keep alive.
 */
export async function startMcpServers(): Promise<McpServers> {
  const legacy = serveLegacy();
  const modern = serveModern();
  const hostile = serveHostile();
  const hostileApi = serveHostileApi();
  const attacking = serveAttacking();
  const changeable = serveChangeable();
  const authorization = serveAuthorization();
  const exchange = serveExchange();
  const growing = serveGrowing();
  const server = http.createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "", "http://servers");
    if (pathname === "/forget") {
      legacy.forget();
      return void response.end();
    }
    if (pathname.startsWith("/trust-")) return exchange(request, response, String(request.headers.host));
    if (pathname.includes("/world-")) return authorization(request, response, String(request.headers.host));
    if (pathname.startsWith("/growing/")) return growing(request, response);
    if (pathname.startsWith("/set/")) return changeable(request, response);
    if (pathname.startsWith("/guarded/") && request.headers.authorization !== "Bearer sesame")
      return void response.writeHead(401).end();
    if (pathname.endsWith("/legacy")) return legacy.handle(request, response);
    if (pathname === "/modern") return modern(request, response);
    if (pathname === "/attacking") return attacking(request, response);
    if (pathname.startsWith("/hostile-api/")) return hostileApi(request, response);
    if (pathname.startsWith("/hostile/")) return hostile(request, response);
    response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  server.unref();
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}
