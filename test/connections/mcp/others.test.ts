import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import type { OtherServers } from "../../support/mcp-servers/others.ts";
import { LANES, openSession } from "../../support/session.ts";
import { approve, mcpEntryOf, publishEntries, review } from "./gateway.ts";

const HOSTS = (env as unknown as { OTHER_SERVERS: OtherServers }).OTHER_SERVERS;

const ENTRIES = Object.fromEntries(
  Object.entries(HOSTS).map(([name, host]) => [
    name,
    mcpEntryOf("", { title: name, reach: { url: `http://${host}/mcp` }, limits: { seconds: 15 } }),
  ]),
);

beforeAll(async () => {
  for (const [name, entry] of Object.entries(ENTRIES)) await approve(name, entry);
  await publishEntries(ENTRIES);
});

const scopes = Object.keys(HOSTS).flatMap((name) => [`${name}:read`, `${name}:write`, `${name}:delete`]);
const textOf = ({ content }: { content: readonly object[] }) =>
  (content[0] as { text?: string } | undefined)?.text;

describe.each(LANES)("servers that others wrote, on the %s lane", (lane) => {
  const open = (server = "") => openSession({ server, lane, scopes });

  it.each(["everything", "bridged"] as const)(
    "server-everything as %s: tools, pictures, structured content",
    async (name) => {
      const session = await open();
      expect(textOf(await session.call(`${name}_echo`, { message: "hello" }))).toBe("Echo: hello");
      expect(textOf(await session.call(`${name}_get-sum`, { a: 2, b: 3 }))).toContain("5");
      const weather = await session.call(`${name}_get-structured-content`, { location: "New York" });
      expect(weather.data).toMatchObject({ temperature: expect.any(Number), conditions: expect.any(String) });
      const picture = await session.call(`${name}_get-tiny-image`);
      expect(picture.content.some(({ type }) => type === "image")).toBe(true);
      const refused = await session.call(`${name}_get-sum`, { a: "two", b: 3 });
      expect(refused.error?.code).toBe("invalid_input");
    },
  );

  it.each(["everything", "bridged"] as const)(
    "server-everything as %s: resources, prompts, completion",
    async (name) => {
      const session = await open();
      const resources = (await session.listResources()).filter(({ uri }: { uri: string }) =>
        uri.startsWith(`${name}:`),
      );
      expect(resources.length).toBeGreaterThan(0);
      const [contents] = await session.readResource(resources[0].uri);
      expect(contents.uri).toBe(resources[0].uri);
      const [dynamic] = await session.readResource(`${name}:demo://resource/dynamic/text/7`);
      expect(dynamic.text).toContain("7");
      const prompt = await session.getPrompt(`${name}_args-prompt`, { city: "Wien" });
      expect(JSON.stringify(prompt.messages)).toContain("Wien");
      const { values } = await session.complete(
        { type: "ref/prompt", name: `${name}_completable-prompt` },
        { name: "department", value: "E" },
      );
      expect(values).toContain("Engineering");
    },
  );

  it("server-everything: progress of a long call", async () => {
    const session = await open();
    const params = {
      name: "everything_trigger-long-running-operation",
      arguments: { duration: 1, steps: 4 },
    };
    const stream = await (
      await session.send("tools/call", { ...params, _meta: { progressToken: "p" } })
    ).text();
    expect(stream.match(/notifications\/progress/g)?.length).toBeGreaterThanOrEqual(4);
  });

  it("server-filesystem reads, and refuses what lies outside of its folder", async () => {
    const session = await open();
    const folder = /(\/\S+)$/m.exec(
      textOf(await session.call("filesystem_list_allowed_directories")) ?? "",
    )?.[1];
    const note = await session.call("filesystem_read_text_file", { path: `${folder}/note.txt` });
    expect(textOf(note)).toBe("a note in a file");
    const { result } = await session.request("tools/call", {
      name: "filesystem_read_text_file",
      arguments: { path: "/etc/passwd" },
    });
    expect(result.isError).toBe(true);
  });

  it("server-memory keeps its graph, and server-sequential-thinking thinks", async () => {
    const session = await open();
    const entities = [{ name: `Ann ${lane}`, entityType: "person", observations: ["likes tea"] }];
    expect((await session.call("memory_create_entities", { entities })).isError).toBe(false);
    expect(JSON.stringify((await session.call("memory_search_nodes", { query: "tea" })).content)).toContain(
      "Ann",
    );
    const thought = { thought: "One.", nextThoughtNeeded: false, thoughtNumber: 1, totalThoughts: 1 };
    expect((await session.call("thinking_sequentialthinking", thought)).isError).toBe(false);
  });

  it("obsidian-mcp keeps its own tools' names, which begin with the connection's, and their recursive schemas are open values", async () => {
    const tools: { name: string; outputSchema?: object }[] = await (await open("obsidian")).listTools();
    expect(tools.map(({ name }) => name)).toContain("obsidian_read_note");
    expect(tools.filter(({ name }) => name.startsWith("obsidian_obsidian"))).toEqual([]);
    for (const { outputSchema } of tools) {
      expect(outputSchema).toBeDefined();
      expect(JSON.stringify(outputSchema)).not.toContain("$ref");
    }
  });

  it("obsidian-mcp writes a note, reads it, and refuses a change of another revision in structured content", async () => {
    const session = await open();
    const place = { vault: "notes", path: `${crypto.randomUUID()}.md` };
    const created = await session.call("obsidian_create_note", {
      ...place,
      content: `# Tea\non the ${lane} lane`,
    });
    expect(created.data).toMatchObject({ ok: true, data: { path: place.path } });
    const read = await session.call("obsidian_read_note", place);
    const { content, etag } = read.data.data;
    expect([content, etag]).toEqual([`# Tea\non the ${lane} lane`, created.data.data.etag]);
    const edit = { ...place, operation: "append", content: "More." };
    const changed = await session.call("obsidian_edit_note", { ...edit, if_match: etag });
    expect(changed.data.ok).toBe(true);
    const { result } = await session.request("tools/call", {
      name: "obsidian_edit_note",
      arguments: { ...edit, if_match: etag },
    });
    expect(result.isError).toBe(true);
    expect(textOf(result)).toContain("REVISION_CONFLICT");
    expect(result.structuredContent).toMatchObject({ ok: false, error: { code: "REVISION_CONFLICT" } });
    const unknown = await session.call("obsidian_read_note", { ...place, depth: 1 });
    expect(unknown.error?.code).toBe("invalid_input");
    const outside = await session.request("tools/call", {
      name: "obsidian_read_note",
      arguments: { vault: "notes", path: "../note.txt" },
    });
    expect(textOf(outside.result)).toContain("PATH_REJECTED");
    const [vaults] = await session.readResource("obsidian:obsidian-mcp://vaults");
    expect(JSON.parse(vaults.text)).toMatchObject({ vaults: [{ id: "notes" }] });
  });

  it("Storybook's server, which is on another SDK and speaks 2025-06-18, lists, answers and fails", async () => {
    const session = await open("storybook");
    const names = (await session.listTools()).map(({ name }: { name: string }) => name);
    expect(names.filter((name: string) => name.startsWith("storybook")).sort()).toEqual([
      "storybook_docs-list",
      "storybook_docs-show",
      "storybook_docs-show-story",
    ]);
    expect(textOf(await session.call("storybook_docs-list"))).toContain("Button (button)");
    const story = { componentId: "button", storyName: "Primary" };
    expect(textOf(await session.call("storybook_docs-show-story", story))).toContain("<Button primary />");
    const { result } = await session.request("tools/call", {
      name: "storybook_docs-show",
      arguments: { id: "nothing" },
    });
    expect(result.isError).toBe(true);
    expect(textOf(result)).toContain('not found: "nothing"');
    const refused = await session.call("storybook_docs-show", { id: 7 });
    expect(refused.error?.code).toBe("invalid_input");
  });

  it("Storybook's server is asked by many calls of one session at once", async () => {
    const session = await open();
    const calls = Array.from({ length: 8 }, () => session.call("storybook_docs-show", { id: "button" }));
    for (const answer of await Promise.all(calls))
      expect(textOf(answer)).toContain("Does what its text says.");
  });
});

it("the review of servers that mean well finds nothing, and changes nothing the second time", async () => {
  for (const [name, entry] of Object.entries(ENTRIES)) {
    const items = await review(name, entry);
    expect(items.filter(({ status }) => status !== "approved")).toEqual([]);
    expect(items.flatMap(({ findings }) => findings)).toEqual([]);
  }
});
