import { describe, expect, it } from "vitest";
import { connectionEntry } from "../../shared/connections/entry.ts";
import { flowOf } from "../../shared/connections/flow.ts";
import type { McpEntry } from "../../shared/connections/kinds/mcp.ts";
import { mcpServer } from "../../workers/connections/mcp/server.ts";

const entry = (kind: string, more: object = {}) => ({ kind, data_class: "internal", ...more });

describe("the labels of a connection's tools", () => {
  it("are private data for a database, unless its data is public", () => {
    for (const kind of ["postgresql", "mysql", "clickhouse", "redis", "opensearch"]) {
      expect(flowOf(entry(kind), "read"), kind).toEqual({ reads: ["private"], sends: "nothing" });
      expect(flowOf(entry(kind, { data_class: "public" }), "read").reads, kind).toEqual([]);
    }
  });

  it("are text of others for another system, and what does more than read sends out", () => {
    for (const kind of ["mcp", "openapi"]) {
      expect(flowOf(entry(kind), "read")).toEqual({ reads: ["untrusted"], sends: "nothing" });
      expect(flowOf(entry(kind), "create").sends).toBe("outside");
      expect(flowOf(entry(kind, { data_class: "pii" }), "read").reads).toEqual(["private", "untrusted"]);
    }
  });

  it("are what the entry says, and for one tool what it says of this one", () => {
    const own = entry("mcp", { flow: { reads: ["private"], sends: "nothing" } });
    expect(flowOf(own, "delete")).toEqual({ reads: ["private"], sends: "nothing" });
    expect(flowOf(own, "delete", { sends: "outside" })).toEqual({ reads: ["private"], sends: "outside" });
    expect(flowOf(own, "read", { reads: [] }).reads).toEqual([]);
  });

  it("send out where a tool of an MCP server takes an address, even if it says that it reads", () => {
    const things = connectionEntry.parse({
      ...{ kind: "mcp", title: "Things", description: "Things.", owner: "team@people.example" },
      reach: { url: "https://things.example/mcp" },
      tools: { trusted_url: { flow: { sends: "nothing" } } },
    }) as McpEntry;
    const sendsOf = (name: string, argument: string) => {
      const inputSchema = { type: "object", properties: { [argument]: { type: "string" } } };
      const annotations = { readOnlyHint: true };
      const tool = { type: "tool" as const, name, description: "", inputSchema, annotations };
      return mcpServer("things", things, "r", [tool]).tools[0]?.sends;
    };
    for (const argument of ["url", "page_url", "targetUrl", "URI", "webhook", "host"])
      expect(sendsOf("fetch", argument), argument).toBe("outside");
    for (const argument of ["curly", "query", "linked", "title"])
      expect(sendsOf("fetch", argument), argument).toBe("nothing");
    expect(sendsOf("trusted_url", "url")).toBe("nothing");
  });

  it("send out what a caller writes into an address or a prompt of another system, and nothing where there is no word of it", () => {
    const things = connectionEntry.parse({
      ...{ kind: "mcp", title: "Things", description: "Things.", owner: "team@people.example" },
      reach: { url: "https://things.example/mcp" },
    }) as McpEntry;
    const text = { title: undefined, description: "", label: "page" };
    const prompt = { type: "prompt" as const, title: undefined, description: "" };
    const made = mcpServer("things", things, "r", [
      { type: "resource", name: "page://home", ...text },
      { type: "template", name: "page://{id}", ...text },
      { ...prompt, name: "plain", arguments: [] },
      { ...prompt, name: "about", arguments: [{ name: "topic", description: "", required: true }] },
    ] as never);
    expect(made.resources.map(({ sends = "nothing" }) => sends)).toEqual(["nothing", "outside"]);
    expect(made.prompts.map(({ sends = "nothing" }) => sends)).toEqual(["nothing", "outside"]);
  });
});
