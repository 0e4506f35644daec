/** Log levels, least severe first. */
export const LEVELS = ["debug", "info", "warn", "error"] as const;

/** One of {@link LEVELS}. */
export type Level = (typeof LEVELS)[number];

/** Settings of the log. */
export interface LogSettings {
  /** Least severe level that is written. */
  level: Level;
  /** Share of the calls with status `ok` that get a line, 0 to 1. */
  sample: number;
}

/** The variables of `wrangler.toml`, as written. */
export interface LogVariables {
  LOG_LEVEL?: string;
  LOG_SAMPLE?: string;
}

/** Reads the variables. A value that cannot be read counts as the default: a typing error must not silence the log. */
export function readLogSettings({ LOG_LEVEL, LOG_SAMPLE }: LogVariables): LogSettings {
  const level = LEVELS.find((known) => known === LOG_LEVEL?.trim().toLowerCase()) ?? "info";
  const share = LOG_SAMPLE === undefined || LOG_SAMPLE.trim() === "" ? 1 : Number(LOG_SAMPLE);
  return { level, sample: share >= 0 && share <= 1 ? share : 1 };
}

/** Whether a line of this level is written. */
export function isLogged(level: Level, settings: LogSettings): boolean {
  return LEVELS.indexOf(level) >= LEVELS.indexOf(settings.level);
}

/** Denominator of the first eight hexadecimal digits of an id. */
const RANGE = 2 ** 32;

/** Whether a call is in the sample. Decided by the id that Gatehouse gives the call: a client could choose its own id. */
export function isSampled(callId: string, { sample }: LogSettings): boolean {
  return sample >= 1 || Number.parseInt(callId.slice(0, 8), 16) / RANGE < sample;
}
