export { SlidingLog } from "../../../../shared/guard/sliding-log.ts";

/** A second instead of a minute, so that unused pages expire while the bench counts. */
export const WINDOW_MS = 1_000;
