import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { type NewsReader, waitForNews } from "../../support/news.ts";
import { LANES, openSession, type TestSession } from "../../support/session.ts";
import { approve, mcpEntryOf, publishEntries } from "./gateway.ts";

const MATRIX = LANES.flatMap((lane) => (["legacy", "modern"] as const).map((far) => [lane, far] as const));

const nameOf = (lane: string, far: string) => `${lane}${far}`;

const FAR = Object.fromEntries(
  MATRIX.map(([lane, far]) => [nameOf(lane, far), mcpEntryOf(`/growing/${lane}/${far}`)]),
);

/** What a client sees: names of tools, with what `look` says of itself, of resources and of prompts. */
async function listAll(session: TestSession, name: string): Promise<Record<string, string[]>> {
  const [tools, resources, prompts] = await Promise.all(
    ["tools", "resources", "prompts"].map(async (kind) => {
      const listed = (await session.request(`${kind}/list`)).result[kind];
      return listed as { name: string; uri?: string; description: string }[];
    }),
  );
  const own = (listed: string[] = []) => listed.filter((one) => one.startsWith(name)).sort();
  const shown = tools?.map((one) =>
    one.name === `${name}_look` ? `${one.name}: ${one.description}` : one.name,
  );
  return {
    tools: own(shown),
    resources: own(resources?.map(({ uri = "" }) => uri)),
    prompts: own(prompts?.map((one) => one.name)),
  };
}

async function nextMethods(news: NewsReader, count: number): Promise<unknown[]> {
  const methods = [];
  for (let at = 0; at < count; at += 1) methods.push((await news.next())?.method);
  return methods.sort();
}

/** What waits for a review, without a command: as calls found it. */
async function waitingOf(connection: string): Promise<string[]> {
  const { results } = await env.PLATFORM_DB.prepare(
    "SELECT type || ' ' || name AS item FROM connection_definition WHERE connection = ? AND state = 'waiting'",
  )
    .bind(connection)
    .all<{ item: string }>();
  return results.map(({ item }) => item).sort();
}

beforeAll(async () => {
  for (const [name, entry] of Object.entries(FAR)) await approve(name, entry);
  await publishEntries(FAR);
});

describe.each(MATRIX)("a %s client with a %s server that says that its lists changed", (lane, far) => {
  const name = nameOf(lane, far);
  const entry = mcpEntryOf(`/growing/${lane}/${far}`);
  const open = (as: string) =>
    openSession({ server: name, lane, as, scopes: [`${name}:read`, `${name}:write`] });
  const before = {
    tools: [`${name}_draft`, `${name}_grow`, `${name}_look: Looks.`, `${name}_reword`, `${name}_write`],
    resources: [`${name}:notes://look`],
    prompts: [`${name}_look`],
  };
  const after = {
    tools: [...before.tools, `${name}_fresh`].sort(),
    resources: [`${name}:notes://fresh`, ...before.resources],
    prompts: [`${name}_fresh`, ...before.prompts],
  };

  it("keeps the approved lists and is told nothing, until the changes are approved and published", async () => {
    const session = await open("alice");
    const uri = `${name}:notes://look`;
    const { news } = await waitForNews(session, { uris: [uri], lists: true });
    expect(await listAll(session, name)).toEqual(before);
    const call = await session.send("tools/call", { name: `${name}_grow`, arguments: {} });
    expect(await call.text()).not.toContain("list_changed");
    expect(await listAll(session, name)).toEqual(before);
    const fresh = await session.request("tools/call", { name: `${name}_fresh`, arguments: {} });
    expect(fresh.error?.message).toContain("Unknown tool");
    // The first news is of a later call: there was none of the lists.
    await (await open("bob")).call(`${name}_write`);
    expect(await news.next()).toMatchObject({ method: "notifications/resources/updated", params: { uri } });
    await expect
      .poll(() => waitingOf(name))
      .toEqual(["prompt fresh", "resource notes://fresh", "tool fresh"]);
    await approve(name, entry);
    expect(await listAll(session, name)).toEqual(before);
    await publishEntries(FAR);
    expect(await nextMethods(news, 3)).toEqual([
      "notifications/prompts/list_changed",
      "notifications/resources/list_changed",
      "notifications/tools/list_changed",
    ]);
    expect(await listAll(session, name)).toEqual(after);
    const { content } = await session.call(`${name}_fresh`);
    expect(content).toEqual([{ type: "text", text: "fresh" }]);
    await news.close();
  });

  it("is told of a tool that says something else of itself, once that is published", async () => {
    const session = await open("alice");
    const { news } = await waitForNews(session, { lists: true });
    await session.call(`${name}_reword`);
    expect(await listAll(session, name)).toEqual(after);
    await approve(name, entry);
    await publishEntries(FAR);
    expect((await news.next())?.method).toBe("notifications/tools/list_changed");
    const { tools } = await listAll(session, name);
    expect(tools).toContain(`${name}_look: Looks twice.`);
    await news.close();
  });

  it("is told of a template of resources, once that is published", async () => {
    const session = await open("alice");
    const { news } = await waitForNews(session, { lists: true });
    await session.call(`${name}_draft`);
    await approve(name, entry);
    await publishEntries(FAR);
    expect((await news.next())?.method).toBe("notifications/resources/list_changed");
    const { resourceTemplates } = (await session.request("resources/templates/list")).result;
    expect(resourceTemplates.map((one: { uriTemplate: string }) => one.uriTemplate)).toContain(
      `${name}:notes://draft/{id}`,
    );
    await news.close();
  });
});

it("A server that says that its resources alone changed is looked at again with the next call, a minute later", async () => {
  const entry = mcpEntryOf("/growing/heard/legacy");
  await approve("heard", entry);
  await publishEntries({ heard: entry });
  const session = await openSession({
    server: "heard",
    lane: "stateless",
    scopes: ["heard:read", "heard:write"],
  });
  await session.call("heard_look");
  await session.call("heard_draft");
  const now = Date.now;
  const clock = vi.spyOn(Date, "now").mockImplementation(() => now() + 61_000);
  await session.call("heard_look");
  await expect.poll(() => waitingOf("heard")).toEqual(["template notes://draft/{id}"]);
  clock.mockRestore();
});
