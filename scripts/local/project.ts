import { createRequire } from "node:module";
import path from "node:path";
import type { Unstable_Config } from "wrangler";
import { ROOT } from "./root.ts";

/** Loads wrangler when it is needed: that takes a second, and most commands on this machine read no configuration. */
const load = createRequire(import.meta.url);

/** Absolute path of `wrangler.toml`, which describes every environment. */
export const CONFIG_FILE = path.join(ROOT, "wrangler.toml");

/** The environments of `wrangler.toml`. `production` is its top level. */
export const ENVIRONMENTS = ["production", "staging", "local"] as const;

/** One of {@link ENVIRONMENTS}. */
export type EnvironmentName = (typeof ENVIRONMENTS)[number];

/**
 * Reads one environment of `wrangler.toml`, validated and completed by wrangler. Throws on an invalid file.
 */
export function readEnvironment(name: EnvironmentName): Unstable_Config {
  const { unstable_readConfig } = load("wrangler") as typeof import("wrangler");
  return unstable_readConfig(
    name === "production" ? { config: CONFIG_FILE, env: "" } : { config: CONFIG_FILE, env: name },
    { hideWarnings: true },
  );
}

/**
 * The flag that selects an environment for wrangler. Production is explicitly `--env=`, so that a
 * `CLOUDFLARE_ENV` variable cannot redirect a command.
 */
export function environmentFlag(name: EnvironmentName): string {
  return name === "production" ? "--env=" : `--env=${name}`;
}

/**
 * Names of the secrets that a deployed environment needs: the variables that only the local environment sets
 * in `wrangler.toml`. A new local default there makes a new secret required.
 */
export function listSecretNames(): string[] {
  const deployed = Object.keys(readEnvironment("production").vars);
  return Object.keys(readEnvironment("local").vars).filter((name) => !deployed.includes(name));
}
