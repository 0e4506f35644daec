import path from "node:path";
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-pool-workers";
import { defineConfig } from "vitest/config";

const DATABASES = ["platform", "analytics", "crm", "knowledge"] as const;

export default defineConfig(async () => {
  const migrations = Object.fromEntries(
    await Promise.all(
      DATABASES.map(async (name) => [
        name,
        await readD1Migrations(path.join(import.meta.dirname, "migrations", name)),
      ]),
    ),
  );
  return {
    logLevel: "error" as const,
    plugins: [
      cloudflareTest({
        wrangler: { configPath: "./wrangler.toml", environment: "local" },
        miniflare: { bindings: { TEST_MIGRATIONS: migrations } },
      }),
    ],
    test: {
      silent: "passed-only" as const,
      include: ["test/**/*.test.ts"],
      exclude: ["test/node/**", "test/browser/**", "test/clients/**", "test/conformance/**", "node_modules/**"],
      setupFiles: ["./test/support/migrate.ts"],
    },
  };
});
