import http from "node:http";
import type { AddressInfo } from "node:net";
import type { Experimental_MCPEventStore, Experimental_MCPEventSubscription } from "@ai-sdk/mcp";

/** The subscriptions of an app, in memory. */
export class EventStore implements Experimental_MCPEventStore {
  readonly kept = new Map<string, Experimental_MCPEventSubscription>();

  async get(key: string) {
    return this.kept.get(key);
  }

  async getById(id: string) {
    return [...this.kept.values()].find((one) => one.id === id);
  }

  async set(subscription: Experimental_MCPEventSubscription) {
    this.kept.set(subscription.key, subscription);
  }

  async update(key: string, patch: Partial<Experimental_MCPEventSubscription>) {
    const known = this.kept.get(key);
    if (known) this.kept.set(key, { ...known, ...patch });
  }

  async delete(key: string) {
    this.kept.delete(key);
  }
}

/** Serves a handler of web requests at a loopback address. */
export async function serveWebhook(
  handle: (request: Request) => Promise<Response>,
): Promise<{ url: string; close(): void }> {
  const server = http.createServer(async (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const headers = new Headers(incoming.headers as Record<string, string>);
    const url = `http://${incoming.headers.host}${incoming.url}`;
    const response = await handle(
      new Request(url, { method: incoming.method ?? "POST", headers, body: Buffer.concat(chunks) }),
    );
    outgoing.writeHead(response.status, Object.fromEntries(response.headers));
    outgoing.end(Buffer.from(await response.arrayBuffer()));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/events`, close: () => server.close() };
}
