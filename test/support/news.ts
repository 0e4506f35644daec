import { exports } from "cloudflare:workers";
import type { TestSession } from "./session.ts";

/** A notification or a final result as it came over a stream. */
interface StreamMessage {
  id?: number;
  method?: string;
  params?: ReturnType<typeof JSON.parse>;
  result?: ReturnType<typeof JSON.parse>;
}

/** A stream of messages from the server that a test reads one by one. */
export class NewsReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #text = "";

  constructor(response: Response) {
    if (!response.body) throw new Error(`No stream: ${response.status}`);
    this.#reader = response.body.getReader();
  }

  /** The next message, or `null` when the stream has ended. Waits for it as long as the test may take. */
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

/** What a client wants to hear of. */
interface Wish {
  uris?: readonly string[];
  /** Whether its lists have become others. A session hears of that in any case. */
  lists?: boolean;
}

/**
 * Lets a client wait for news as its generation does: on a stream of its own with a filter, or with subscriptions and
 * the session's GET stream. `heard` are the URIs that the server agreed to tell of.
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
