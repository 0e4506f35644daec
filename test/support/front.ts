import http from "node:http";
import type { AddressInfo } from "node:net";

/** A loopback address in front of a Worker whose own port is unknown until it runs. */
export interface Front {
  /** `http://localhost:<port>`. */
  url: string;
  /** Target of requests. Until it is set they are answered with 503. */
  target: URL | undefined;
  /** Token added to requests under `path` without `Authorization`; for clients that cannot sign in. */
  lend: { path: string; token: string } | undefined;
  /** Called with every request, unchanged. */
  watch: ((request: http.IncomingMessage) => void) | undefined;
  close(): Promise<void>;
}

/**
 * Opens a front on a free port. It forwards everything unchanged, including odd `Host` and `Origin` headers,
 * and streams in both directions, so that a client sees only the Worker.
 */
export async function openFront(): Promise<Front> {
  const server = http.createServer((request, response) => handOn(request, response, front));
  await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
  const { port } = server.address() as AddressInfo;
  const front: Front = {
    url: `http://localhost:${port}`,
    target: undefined,
    lend: undefined,
    watch: undefined,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return front;
}

function handOn(request: http.IncomingMessage, response: http.ServerResponse, front: Front): void {
  if (front.target === undefined) {
    response.writeHead(503).end();
    return;
  }
  front.watch?.(request);
  const headers = { ...request.headers };
  const path = request.url?.split("?")[0];
  if (headers.authorization === undefined && path === front.lend?.path) {
    headers.authorization = `Bearer ${front.lend?.token}`;
  }
  const { hostname, port } = front.target;
  const upstream = http.request(
    { hostname, port, method: request.method, path: request.url, headers },
    (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      answer.pipe(response);
      answer.on("error", () => response.destroy());
    },
  );
  upstream.on("error", () => (response.headersSent ? response.destroy() : response.writeHead(502).end()));
  response.on("close", () => upstream.destroy());
  request.pipe(upstream);
}
