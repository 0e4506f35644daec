import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { CHANGE_HEADER } from "../../shared/objects/change-gate.ts";

import type { ResourceDefinition } from "../../shared/server/define.ts";
import { analytics } from "../../workers/analytics/server.ts";
import { waitForNews } from "../support/news.ts";
import { openSession, type TestSession } from "../support/session.ts";

/** Content of this file's resources. */
const texts: Record<string, string> = { left: "one", kept: "one", added: "one" };
/** The resource whose read the test delays, and whether it is being read. */
let slow: string | null = null;
let reading = false;

const resource: ResourceDefinition = {
  name: "pages",
  title: "Pages",
  description: "Pages of this test.",
  uriTemplate: "analytics://pages/{name}",
  mimeType: "text/plain",
  scope: "analytics:read",
  async read({ uri, params: { name = "" } }) {
    while (slow === name) {
      reading = true;
      await scheduler.wait(1);
    }
    return [{ uri, mimeType: "text/plain", text: texts[name] ?? "" }];
  },
};

// Before the first request: adds one family of resources.
(analytics.resources as unknown[]).push(resource);

const uriOf = (name: string) => `analytics://pages/${name}`;

/** Sends a session its pending notifications, without their delay of up to a second. */
function tell({ sessionId = "" }: TestSession): Promise<Response> {
  const [id] = sessionId.split(".");
  const object = env.ANALYTICS_AGENT.get(env.ANALYTICS_AGENT.idFromName(`streamable-http:${id}`));
  return object.fetch("https://session/", { method: "POST", headers: { [CHANGE_HEADER]: "0" } });
}

it("sends nothing about a resource that was unsubscribed, or subscribed to, while it was read", async () => {
  const session = await openSession({ server: "analytics", lane: "sessionful" });
  const { news } = await waitForNews(session, { uris: [uriOf("left"), uriOf("kept")] });
  texts.left = "two";
  slow = "left";
  const looking = tell(session);
  await expect.poll(() => reading).toBe(true);
  await session.request("resources/unsubscribe", { uri: uriOf("left") });
  await session.request("resources/subscribe", { uri: uriOf("added") });
  slow = null;
  expect((await looking).status).toBe(204);
  expect((await tell(session)).status).toBe(204);
  texts.kept = "two";
  await tell(session);
  expect((await news.next())?.params.uri).toBe(uriOf("kept"));
  await news.close();
});
