import { describe, expect, it } from "vitest";
import { findBreaches, findFullFolders } from "../../scripts/check/import-directions.ts";
import { parseModule } from "../../scripts/check/module-graph.ts";

function breachesOf(file: string, source: string): string[] {
  return findBreaches([parseModule(file, source)]);
}

describe("import directions", () => {
  it("allows every import of a lower folder", () => {
    expect(breachesOf("workers/index.ts", 'import "./gateway/app.ts";')).toEqual([]);
    expect(breachesOf("workers/gateway/mcp/mcp.ts", 'import { servers } from "../servers.ts";')).toEqual([]);
    expect(breachesOf("workers/servers.ts", 'import { crm } from "./crm/server.ts";')).toEqual([]);
    expect(breachesOf("workers/servers.ts", 'import { calendar } from "./calendar/server.ts";')).toEqual([]);
    expect(breachesOf("workers/crm/server.ts", 'import "../../shared/server/define.ts";')).toEqual([]);
  });

  it("names file, line and rule when a server imports another", () => {
    const source = '// first line\nimport { openStore } from "../knowledge/store.ts";';
    expect(breachesOf("workers/crm/store.ts", source)).toEqual([
      "workers/crm/store.ts:2 imports ../knowledge/store.ts: workers/crm and workers/knowledge import nothing of each other.",
    ]);
  });

  it("refuses an import between servers in both directions", () => {
    expect(breachesOf("workers/crm/store.ts", 'import "../analytics/store.ts";')).toEqual([
      "workers/crm/store.ts:1 imports ../analytics/store.ts: workers/crm and workers/analytics import nothing of each other.",
    ]);
  });

  it("orders the folders of shared/, from encoding to mcp", () => {
    expect(breachesOf("shared/guard/run.ts", 'import "../call/subject.ts";')).toEqual([]);
    expect(breachesOf("shared/call/subject.ts", 'import "../guard/run.ts";')).toEqual([
      "shared/call/subject.ts:1 imports ../guard/run.ts: shared/call comes before shared/guard.",
    ]);
    expect(breachesOf("shared/mcp/http/a.ts", 'import "../lanes.ts";')).toHaveLength(1);
    expect(breachesOf("shared/unlisted/a.ts", 'import "../call/subject.ts";')).toHaveLength(1);
  });

  it("keeps HTTP above the Durable Objects", () => {
    expect(breachesOf("workers/gateway/people.ts", 'import "../objects/grants/turns.ts";')).toEqual([]);
    expect(breachesOf("workers/objects/grants/turns.ts", 'import "../../gateway/people.ts";')).toHaveLength(
      1,
    );
  });

  it("names a folder with too many files", () => {
    const files = Array.from({ length: 40 }, (_, index) => `shared/guard/file-${index}.ts`);
    expect(findFullFolders(files)).toHaveLength(1);
    expect(findFullFolders(files.map((file) => file.replace("shared/guard", "workers/crm/tools")))).toEqual(
      [],
    );
  });

  it("refuses an import of a higher folder", () => {
    expect(breachesOf("workers/crm/store.ts", 'import "../gateway/people.ts";')).toHaveLength(1);
    expect(breachesOf("workers/servers.ts", 'import "./gateway/app.ts";')).toHaveLength(1);
  });

  it("keeps shared/ free of workers/, also for types and dynamic imports", () => {
    expect(breachesOf("shared/guard/run.ts", 'import type { A } from "../../workers/a.ts";')).toHaveLength(1);
    expect(breachesOf("shared/guard/run.ts", 'await import("../../workers/a.ts");')).toHaveLength(1);
    expect(breachesOf("shared/guard/run.ts", 'type A = import("../../workers/a.ts").A;')).toHaveLength(1);
    expect(breachesOf("shared/guard/run.ts", 'export { a } from "../../workers/a.ts";')).toHaveLength(1);
  });

  it("keeps scripts/ and test/ out of the deployed code", () => {
    expect(breachesOf("workers/gateway/people.ts", 'import "../../scripts/seed/people.ts";')).toHaveLength(1);
    expect(breachesOf("shared/auth/key.ts", 'import "../../test/support/token.ts";')).toHaveLength(1);
    expect(breachesOf("scripts/start.ts", 'import "../test/support/token.ts";')).toHaveLength(1);
  });

  it("keeps the code of views in the browser", () => {
    const connect = 'import { connectHost } from "../../../shared/web/view/connect-host.ts";';
    expect(breachesOf("workers/crm/view/customer.ts", connect)).toEqual([]);
    expect(breachesOf("workers/crm/tools/get-customer.ts", connect)).toHaveLength(1);
    expect(breachesOf("workers/crm/server.ts", 'import "./view/customer.ts";')).toHaveLength(1);
  });

  it("lets each SDK generation into its own lane only", () => {
    const first = 'import { Server } from "@modelcontextprotocol/sdk/server/index.js";';
    const second = 'import { McpServer } from "@modelcontextprotocol/server";';
    expect(
      breachesOf("shared/mcp/sessionful/sessionful.ts", `${first}\nimport { McpAgent } from "agents/mcp";`),
    ).toEqual([]);
    expect(breachesOf("shared/mcp/stateless/sdk-validation.ts", second)).toEqual([]);
    expect(breachesOf("shared/mcp/stateless/sdk-validation.ts", first)).toHaveLength(1);
    expect(breachesOf("workers/crm/agent.ts", 'import { McpAgent } from "agents/mcp";')).toHaveLength(1);
    expect(breachesOf("workers/crm/server.ts", second)).toHaveLength(1);
    expect(breachesOf("scripts/demo/session.ts", first)).toEqual([]);
  });

  it("allows a tool only zod, its definition, its errors and its own server", () => {
    const file = "workers/crm/tools/find-contacts.ts";
    const allowed = [
      'import { z } from "zod";',
      'import { defineTool } from "../../../shared/server/define.ts";',
      'import { ToolError } from "../../../shared/call/tool-error.ts";',
      'import { contactShape } from "../fields.ts";',
    ];
    expect(breachesOf(file, allowed.join("\n"))).toEqual([]);
    expect(breachesOf(file, 'import { guard } from "../../../shared/guard/guard.ts";')).toHaveLength(1);
    expect(breachesOf(file, 'import { Hono } from "hono";')).toHaveLength(1);
  });
});
