/** Seconds of the spans that calls are counted by; `total` is one span from the beginning on. */
export const GRAINS = { total: 0, minute: 60, hour: 3_600, day: 86_400 } as const;

/** One length of span. */
export type Grain = keyof typeof GRAINS;

/**
 * What calls are counted by when they are stored, with the spans of each. A row costs as much as a call's own: counts of
 * servers, and of all calls but by day, are sums of those of operations. `use` is a person with an app: one row, of which the
 * counts by person and by app are sums. They are too many for minutes, and their days are written once, when a day is over.
 */
export const DIMENSIONS = {
  all: ["day"],
  operation: ["total", "minute", "hour", "day"],
  use: ["hour"],
} as const satisfies Record<string, readonly Grain[]>;

/** One way to tell calls apart. `operation` is kind, server and name: `tool crm crm_find_contacts`. */
export type Dimension = "server" | "operation" | "person" | "app";

/**
 * Upper bounds of the duration histogram in milliseconds: those that OpenTelemetry's MCP conventions advise for
 * `mcp.server.operation.duration`. A column `le_<bound>` each, and `over_300000` for what is longer.
 */
export const BOUNDS_MS = [
  10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 120_000, 300_000,
] as const;

/** The longest bound. */
const LONGEST_MS = 300_000;

/** The histogram's columns, shortest first. */
export const BUCKETS: readonly string[] = [...BOUNDS_MS.map((bound) => `le_${bound}`), `over_${LONGEST_MS}`];

/** How a call ended, for every chart. */
export const ENDINGS = ["ok", "failed", "denied", "limited", "waiting", "unknown"] as const;

/** One ending. */
export type Ending = (typeof ENDINGS)[number];

/** The columns of a row of counts. */
export const COUNTS: readonly string[] = ["calls", ...ENDINGS, "duration_ms", ...BUCKETS];

/** Error codes of calls that did not fail but were stopped, by ending. Every other code is a failure. */
export const STOPPED: Readonly<Record<string, Ending>> = {
  rate_limited: "limited",
  forbidden: "denied",
  insufficient_scope: "denied",
  mfa_required: "denied",
  access_ended: "denied",
  approval_required: "waiting",
};
