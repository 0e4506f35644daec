import path from "node:path";
import { cloudflareTest } from "@cloudflare/vitest-pool-workers";
import type { ViteUserConfig } from "vitest/config";
import { serveAsOneModule } from "./one-module.ts";
import { POLL } from "./poll.ts";
import { readMigrations } from "./read-migrations.ts";

type Options = Exclude<Parameters<typeof cloudflareTest>[0], (...given: never) => unknown>;

/** What a suite adds to the environment `local` of wrangler.toml. */
type Environment = NonNullable<Options["miniflare"]>;

/**
 * The configuration of a suite whose tests run in the Workers runtime, with the bindings of the environment `local`,
 * those of `environment`, and migrated databases. `test` replaces what suites have in common.
 */
export async function runInWorkers(
  environment: Environment,
  test: ViteUserConfig["test"],
): Promise<ViteUserConfig> {
  const migrations = await readMigrations();
  return {
    logLevel: "error",
    plugins: [
      serveAsOneModule(),
      cloudflareTest({
        wrangler: { configPath: "./wrangler.toml", environment: "local" },
        miniflare: {
          ...environment,
          bindings: { TEST_MIGRATIONS: migrations, ...environment.bindings },
        },
      }),
    ],
    test: {
      // The default leaves one core idle, which on two is half of the machine.
      maxWorkers: 2,
      // A test that hangs is the only one that should run into this; a busy machine should not.
      expect: { poll: POLL },
      testTimeout: 30_000,
      silent: "passed-only",
      setupFiles: ["./migrate.ts", "./limits.ts"].map((file) => path.join(import.meta.dirname, file)),
      ...test,
    },
  };
}
