import http from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";

/** A request as the upstream system received it. */
export interface SeenRequest {
  method: string;
  path: string;
  headers: http.IncomingHttpHeaders;
  /** Whether the connection ended before the response did. */
  abandoned: boolean;
}

const REDIRECTS: Readonly<Record<string, [status: number, location: string]>> = {
  "/here": [302, "/answer"],
  "/loop": [302, "/loop"],
  "/away": [302, "http://localhost:1/"],
  "/same-data": [307, "/answer"],
};

/** 64 MiB of zeros in some kilobytes. */
const PACKED = gzipSync(Buffer.alloc(64 * 1024 * 1024));

function sendForever(response: http.ServerResponse): void {
  const chunk = Buffer.alloc(64 * 1024, "x");
  const endless = new Readable({ read: () => void endless.push(chunk) });
  response.on("close", () => void endless.destroy());
  endless.pipe(response);
}

/**
 * Starts the upstream system of the tests, outside of the runtime: its requests have crossed a network. Its
 * paths select the response; `/seen?id=…` lists the requests with this id. Returns its host; it ends with the
 * process, which it does not keep alive.
 */
export async function startUpstream(): Promise<{ host: string }> {
  const seen = new Map<string, SeenRequest[]>();
  const server = http.createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://upstream");
    const id = searchParams.get("id") ?? "";
    if (pathname === "/seen") return void response.end(JSON.stringify(seen.get(id) ?? []));
    const { method = "", headers } = request;
    const record: SeenRequest = { method, path: pathname, headers, abandoned: false };
    seen.set(id, [...(seen.get(id) ?? []), record]);
    response.on("close", () => {
      record.abandoned = !response.writableFinished;
    });
    const redirect = REDIRECTS[pathname];
    if (redirect !== undefined) {
      const [status, location] = redirect;
      return void response.writeHead(status, { location: `${location}?id=${id}` }).end();
    }
    if (pathname === "/never") return;
    if (pathname === "/half") return void response.write("The beginning, and then nothing. ");
    if (pathname === "/endless") return void sendForever(response);
    if (pathname === "/packed") {
      return void response.writeHead(200, { "content-encoding": "gzip" }).end(PACKED);
    }
    response.writeHead(pathname === "/missing" ? 404 : 200).end("Answered.");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  server.unref();
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}
