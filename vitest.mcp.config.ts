import { defineConfig } from "vitest/config";
import { runInWorkers } from "./test/support/in-workers.ts";
import { startOtherServers } from "./test/support/mcp-servers/others.ts";
import { startMcpServers } from "./test/support/mcp-servers/start.ts";

/** Tests of connections to MCP servers: in the Workers runtime, against servers outside of it. */
export default defineConfig(async () => {
  const { host } = await startMcpServers();
  const others = await startOtherServers();
  const hosts = [host, ...Object.values(others), "127.0.0.1:1"].join(" ");
  return runInWorkers(
    { bindings: { MCP_HOST: host, OTHER_SERVERS: others, PLAIN_HTTP_UPSTREAMS: hosts } },
    {
      // Servers that others wrote start a process for each session.
      hookTimeout: 60_000,
      include: ["test/connections/mcp/**/*.test.ts"],
    },
  );
});
