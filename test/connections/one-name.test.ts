import { describe, expect, it } from "vitest";
import type { Definition } from "../../shared/connections/definitions.ts";
import { mcpEntry } from "../../shared/connections/kinds/mcp.ts";
import { createCatalogue, openCatalogue } from "../../shared/server/catalogue.ts";
import type { ServerDefinition } from "../../shared/server/define.ts";
import { mcpServer } from "../../workers/connections/mcp/server.ts";
import { compareFound } from "../../workers/connections/review/compare.ts";

const entry = mcpEntry.parse({
  kind: "mcp",
  title: "Notes",
  description: "Notes of another system.",
  owner: "team",
  reach: { url: "https://notes.example/mcp" },
});

const tool = (name: string): Definition =>
  ({ type: "tool", name, description: "", inputSchema: { type: "object" } }) as Definition;
const resource = (uri: string, type: "resource" | "template" = "resource"): Definition =>
  ({ type, name: uri, label: uri.replace(/\W/g, "_"), description: "" }) as Definition;

const TWINS = [
  ["tools", tool("list"), tool("gh_list")],
  ["resources", resource("note://a"), resource("gh:note://a")],
  ["templates", resource("note://{x}", "template"), resource("gh:note://{x}", "template")],
] as const;

describe("two items of one server that would have one name here", () => {
  it.each(TWINS)("are not both approved: %s", (_kind, first, second) => {
    const found = [first, second].map((one, at) => ({
      ...{ type: one.type, name: one.name, digest: String(at), document: JSON.stringify(one) },
      ...{ state: at === 0 ? ("approved" as const) : ("waiting" as const), seenAt: 1 },
    }));
    const taken = { names: new Set<string>(), atHome: new Set<string>() };
    const items = compareFound("gh", found, 1, taken);
    expect(items.map(({ refusal }) => refusal)).toEqual([null, expect.stringContaining(`"${first.name}"`)]);
    expect(new Set(items.map(({ offeredAs }) => offeredAs)).size).toBe(1);
  });

  it.each(TWINS)("give one, should both be approved: %s", (_kind, first, second) => {
    const catalogue = createCatalogue("gh", "Notes", [mcpServer("gh", entry, "r", [first, second])]);
    const own = [...catalogue.tools.keys()].filter((name) => name.startsWith("gh_"));
    expect([...own, ...catalogue.resources.keys(), ...catalogue.templates]).toHaveLength(1);
  });
});

describe("servers that do not fit together", () => {
  it("are left out with a line in the log, and the others are served", async () => {
    const servers: Record<string, ServerDefinition> = {
      a: mcpServer("a", entry, "r", [tool("list")]),
      // A mistake of a later release: its tool has the name of one of another server.
      b: { ...mcpServer("a", entry, "r", [tool("list")]), name: "b" },
      c: mcpServer("c", entry, "r", [tool("list")]),
    };
    const published = {
      choose: () => Object.keys(servers),
      open: async (_env: Env, name: string) => servers[name] as ServerDefinition,
    };
    const revisions = new Map(Object.keys(servers).map((name) => [name, "r"]));
    const catalogue = await openCatalogue("fits", "Fits", [], published).at({} as Env, revisions);
    expect(catalogue.servers.map(({ name }) => name)).toEqual(["a", "c"]);
    expect([...catalogue.tools.keys()]).toEqual(expect.arrayContaining(["a_list", "c_list"]));
  });
});
