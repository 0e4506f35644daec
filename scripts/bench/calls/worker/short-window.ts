export { SlidingLog } from "../../../../shared/guard/sliding-log.ts";

/** A second in place of a minute, so that pages that nobody needs any more go while the bench still counts. */
export const WINDOW_MS = 1_000;
