import path from "node:path";
import { type Unstable_Config, unstable_readConfig } from "wrangler";
import { ROOT } from "./root.ts";

export { ROOT };

/** Absolute path of `wrangler.toml`, the one description of every environment. */
export const CONFIG_FILE = path.join(ROOT, "wrangler.toml");

/** The environments of `wrangler.toml`. `production` is its top level. */
export const ENVIRONMENTS = ["production", "staging", "local"] as const;

/** One of {@link ENVIRONMENTS}. */
export type EnvironmentName = (typeof ENVIRONMENTS)[number];

/** Reads one environment of `wrangler.toml`, checked and completed by wrangler. Throws on an invalid file. */
export function readEnvironment(name: EnvironmentName): Unstable_Config {
  return unstable_readConfig(
    name === "production" ? { config: CONFIG_FILE, env: "" } : { config: CONFIG_FILE, env: name },
    { hideWarnings: true },
  );
}

/**
 * The flag that names an environment to wrangler. Production is said aloud as `--env=`, so that a stray
 * `CLOUDFLARE_ENV` variable cannot redirect a command.
 */
export function environmentFlag(name: EnvironmentName): string {
  return name === "production" ? "--env=" : `--env=${name}`;
}

/**
 * Names of the secrets a deployed environment needs: the variables that only the local environment carries in
 * `wrangler.toml`. Adding a local default there is all it takes to make a new secret required.
 */
export function listSecretNames(): string[] {
  const deployed = Object.keys(readEnvironment("production").vars);
  return Object.keys(readEnvironment("local").vars).filter((name) => !deployed.includes(name));
}
