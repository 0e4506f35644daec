import { cloudflareTest } from "@cloudflare/vitest-pool-workers";
import { defineConfig } from "vitest/config";
import { startOtherServers } from "./test/support/mcp-servers/others.ts";
import { startMcpServers } from "./test/support/mcp-servers/start.ts";
import { serveAsOneModule } from "./test/support/one-module.ts";
import { POLL } from "./test/support/poll.ts";
import { readMigrations } from "./test/support/read-migrations.ts";

/** Tests of connections to MCP servers: in the Workers runtime, against servers outside of it. */
export default defineConfig(async () => {
  const { host } = await startMcpServers();
  const others = await startOtherServers();
  const hosts = [host, ...Object.values(others), "127.0.0.1:1"].join(" ");
  const migrations = await readMigrations();
  return {
    logLevel: "error" as const,
    plugins: [
      serveAsOneModule(),
      cloudflareTest({
        wrangler: { configPath: "./wrangler.toml", environment: "local" },
        miniflare: {
          bindings: {
            TEST_MIGRATIONS: migrations,
            MCP_HOST: host,
            OTHER_SERVERS: others,
            PLAIN_HTTP_UPSTREAMS: hosts,
          },
        },
      }),
    ],
    test: {
      maxWorkers: 2,
      expect: { poll: POLL },
      testTimeout: 30_000,
      // Servers that others wrote start a process for each session.
      hookTimeout: 60_000,
      silent: "passed-only" as const,
      include: ["test/connections/mcp/**/*.test.ts"],
      setupFiles: ["./test/support/migrate.ts", "./test/support/limits.ts"],
    },
  };
});
