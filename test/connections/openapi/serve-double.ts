import http from "node:http";
import type { AddressInfo } from "node:net";

/** Serves a double over HTTP at an origin of its own. The server stays open until it is closed. */
export async function serveDouble(
  answer: (request: Request) => Promise<Response>,
): Promise<{ origin: string; host: string; server: http.Server }> {
  const server = http.createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", async () => {
      const hasBody = request.method !== "GET" && request.method !== "HEAD";
      const asked = new Request(`http://${request.headers.host}${request.url}`, {
        method: request.method ?? "GET",
        headers: Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
        ...(hasBody && { body: Buffer.concat(parts) }),
      });
      const answered = await answer(asked);
      const headers = [...answered.headers].flat();
      response.writeHead(answered.status, headers).end(await answered.text());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { origin: `http://${host}`, host, server };
}
