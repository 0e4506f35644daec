import type http from "node:http";
import { Readable } from "node:stream";

/** Serves a handler of web requests from Node's own HTTP server; the request is aborted when the client hangs up. */
export function serveFetch(handle: (request: Request) => Promise<Response>): http.RequestListener {
  return (request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const gone = new AbortController();
      response.on("close", () => gone.abort());
      const answer = await handle(
        new Request(`http://${request.headers.host}${request.url}`, {
          method: request.method ?? "GET",
          headers: new Headers(request.headers as Record<string, string>),
          ...(chunks.length > 0 && { body: Buffer.concat(chunks) }),
          signal: gone.signal,
        }),
      );
      response.writeHead(answer.status, Object.fromEntries(answer.headers));
      if (answer.body === null) return void response.end();
      Readable.fromWeb(answer.body as never).pipe(response);
    })();
  };
}
