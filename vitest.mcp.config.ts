import { cloudflareTest } from "@cloudflare/vitest-pool-workers";
import { defineConfig } from "vitest/config";
import { startMcpServers } from "./test/support/mcp-servers/start.ts";
import { serveAsOneModule } from "./test/support/one-module.ts";
import { readMigrations } from "./test/support/read-migrations.ts";

/** Tests of connections to MCP servers: in the Workers runtime, against servers outside of it. */
export default defineConfig(async () => {
  const { host } = await startMcpServers();
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
            PLAIN_HTTP_UPSTREAMS: `${host} 127.0.0.1:1`,
          },
        },
      }),
    ],
    test: {
      maxWorkers: 2,
      testTimeout: 30_000,
      silent: "passed-only" as const,
      include: ["test/connections/mcp/**/*.test.ts"],
      setupFiles: ["./test/support/migrate.ts", "./test/support/limits.ts"],
    },
  };
});
