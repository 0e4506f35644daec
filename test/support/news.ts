import { exports } from "cloudflare:workers";
import type { TestSession } from "./session.ts";

/** A notification or a final result from a stream. */
interface StreamMessage {
  id?: number;
  method?: string;
  params?: ReturnType<typeof JSON.parse>;
  result?: ReturnType<typeof JSON.parse>;
}

/** A stream of messages from the server, which a test reads one by one. */
export class NewsReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #text = "";

  constructor(response: Response) {
    if (!response.body) throw new Error(`No stream: ${response.status}`);
    this.#reader = response.body.getReader();
  }

  /** The next message, or `null` at the end of the stream. Waits up to the test's time-out. */
  async next(): Promise<StreamMessage | null> {
    for (;;) {
      const end = this.#text.indexOf("\n\n");
      if (end >= 0) {
        const data = /^data: (\{.*)$/m.exec(this.#text.slice(0, end))?.[1];
        this.#text = this.#text.slice(end + 2);
        if (data !== undefined) return JSON.parse(data) as StreamMessage;
        continue;
      }
      const { done, value } = await this.#reader.read();
      if (done) return null;
      this.#text += this.#decoder.decode(value, { stream: true });
    }
  }

  /** Hangs up. */
  async close(): Promise<void> {
    await this.#reader.cancel();
  }
}

/** Subscriptions of a client. */
interface Wish {
  uris?: readonly string[];
  /** Whether to subscribe to list changes. A session receives them in any case. */
  lists?: boolean;
}

/**
 * Subscribes a client in the way of its generation: on a stream with a filter, or with subscriptions and the
 * session's GET stream. `heard` are the URIs that the server accepted.
 */
export async function waitForNews(
  session: TestSession,
  { uris = [], lists = false }: Wish,
): Promise<{ news: NewsReader; heard: string[] }> {
  if (session.lane === "sessionful") {
    const heard: string[] = [];
    for (const uri of uris) {
      if ((await session.request("resources/subscribe", { uri })).result) heard.push(uri);
    }
    return { news: new NewsReader(await openStream(session)), heard };
  }
  const changed = { toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true };
  const notifications = { resourceSubscriptions: uris, ...(lists && changed) };
  const news = new NewsReader(await session.send("subscriptions/listen", { notifications }));
  const acknowledged = await news.next();
  return { news, heard: acknowledged?.params.notifications.resourceSubscriptions ?? [] };
}

function openStream(session: TestSession): Promise<Response> {
  return exports.default.fetch(session.url, {
    headers: {
      host: new URL(session.url).host,
      authorization: `Bearer ${session.token.accessToken}`,
      accept: "text/event-stream",
      "mcp-protocol-version": "2025-11-25",
      "mcp-session-id": session.sessionId ?? "",
    },
  });
}
