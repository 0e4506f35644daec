/** A Worker to be measured: its entry, and the modules that take the place of the project's own. */
export interface Variant {
  /** As the table says it. */
  name: string;
  /** From this folder. */
  entry: string;
  /** Project module → the one in its place, from this folder. */
  replaced: Readonly<Record<string, string>>;
  /**
   * Set when it is no Gatehouse and needs nothing of its environment: what follows the generation in its
   * URLs.
   */
  bare?: "" | "/noting" | "/plain";
}

/** The one place where limits are lifted. */
const LIFTED = {
  "shared/policy/limits.ts": "./worker/lifted-limits.ts",
  "workers/objects/principal/request-limiter.ts": "./worker/lifted-requests.ts",
};

/** The smallest server of each generation. */
export const BARE: Variant = { name: "bare", entry: "./worker/bare.ts", replaced: {}, bare: "" };

/**
 * The same with one row written to an object first: what any guard costs that keeps an intent before it runs.
 */
export const NOTING: Variant = { ...BARE, name: "bare + one row", bare: "/noting" };

/** The same without the agents library: a plain object for each session, which writes one row before it answers. */
export const PLAIN: Variant = { ...BARE, name: "plain object + one row", bare: "/plain" };

/** The deployed Worker, with limits lifted and one tool more. */
export const GUARDED: Variant = { name: "guarded", entry: "./worker/gateway.ts", replaced: LIFTED };

/** The same, which counts what it does, with what is done a minute later done at once. Never timed. */
export const COUNTED: Variant = {
  name: "counted",
  entry: "./worker/counted.ts",
  replaced: { ...LIFTED, "shared/guard/sliding-log.ts": "./worker/short-window.ts" },
};

/** The same with the deployed Worker's own times. */
export const COUNTED_IN_TIME: Variant = { ...COUNTED, name: "counted in time", replaced: LIFTED };

/** The deployed Worker, with limits lifted and the bare drivers in the objects of connections. */
export const CONNECTED: Variant = { name: "connected", entry: "../connections/worker.ts", replaced: LIFTED };

/** What is deployed, unchanged. */
export const DEPLOYED: Variant = { name: "deployed", entry: "../../../workers/index.ts", replaced: {} };

/** The same without the drivers and parsers of connections. */
export const WITHOUT_DRIVERS: Variant = {
  name: "without drivers and parsers",
  entry: "../../../workers/index.ts",
  replaced: {
    "workers/connections/load-connector.ts": "./worker/no-connectors.ts",
    "workers/connections/judge/judges.ts": "./worker/no-judges.ts",
  },
};
