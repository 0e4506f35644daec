/**
 * What the platform says when one invocation has asked as often as it may: 1,000 queries of D1, 10,000 subrequests
 * (Workers limits). Everything that the invocation asks after that fails in the same way.
 */
const SPENT = /too many (?:api requests|subrequests|d1 queries|queries)/i;

/** Causes that are looked at: a store's error may stand inside of one of ours. */
const DEPTH = 5;

/** Whether a failure says that this invocation may ask nothing more. */
export function isSpent(failure: unknown): boolean {
  let current = failure;
  for (let depth = 0; depth < DEPTH && current instanceof Error; depth += 1) {
    if (SPENT.test(current.message)) return true;
    current = current.cause;
  }
  return false;
}
