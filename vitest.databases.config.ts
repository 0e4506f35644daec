import { cloudflareTest } from "@cloudflare/vitest-pool-workers";
import { defineConfig } from "vitest/config";
import { startDatabaseServers } from "./test/support/database-servers.ts";
import { serveAsOneModule } from "./test/support/one-module.ts";
import { readMigrations } from "./test/support/read-migrations.ts";

/** Tests of connections: in the Workers runtime, against database servers of this machine. */
export default defineConfig(async () => {
  const servers = await startDatabaseServers();
  const migrations = await readMigrations();
  return {
    logLevel: "error" as const,
    plugins: [
      serveAsOneModule(),
      cloudflareTest({
        wrangler: { configPath: "./wrangler.toml", environment: "local" },
        miniflare: { bindings: { TEST_MIGRATIONS: migrations, TEST_SERVERS: servers } },
      }),
    ],
    test: {
      maxWorkers: 2,
      testTimeout: 30_000,
      silent: "passed-only" as const,
      include: ["test/connections/databases/**/*.test.ts"],
      setupFiles: ["./test/support/migrate.ts", "./test/support/limits.ts"],
    },
  };
});
