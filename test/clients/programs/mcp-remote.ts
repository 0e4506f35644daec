import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { resolveCommand } from "../../../scripts/local/process.ts";
import { answerAuthorization, makeHome } from "../command-line.ts";
import type { ProgramUnderTest } from "../program.ts";
import { describeClient } from "./official-sdks.ts";

/** The bridge for clients that only start local programs: it connects JSON-RPC on stdio with Gatehouse. */
export function mcpRemote(protocol: "legacy" | "auto"): ProgramUnderTest {
  return {
    name: `\`mcp-remote\` (stdio), \`--protocol ${protocol}\``,
    package: "mcp-remote",
    revision: protocol === "legacy" ? "2025-11-25" : "2026-07-28",
    async open(url) {
      const home = await makeHome();
      const transport = new StdioClientTransport({
        command: process.execPath,
        args: [resolveCommand("mcp-remote"), url, "--transport", "http-only", "--protocol", protocol],
        env: home.env,
        stderr: "pipe",
      });
      const person = answerAuthorization(transport.stderr);
      const client = new Client({ name: "test", version: "1" });
      await client.connect(transport);
      await person();
      return {
        ...describeClient(client),
        async close() {
          await client.close();
          await home.remove();
        },
      };
    },
  };
}
