/**
 * Errors of the platform for an invocation that has reached its limit: 1,000 queries of D1, 10,000 subrequests
 * (Workers limits). Every further query of the invocation fails in the same way.
 */
const SPENT = /too many (?:api requests|subrequests|d1 queries|queries)/i;

/** Most causes that are read: an error of Gatehouse may carry the error of a store. */
const DEPTH = 5;

/** Whether a failure says that this invocation may send no further query. */
export function isSpent(failure: unknown): boolean {
  let current = failure;
  for (let depth = 0; depth < DEPTH && current instanceof Error; depth += 1) {
    if (SPENT.test(current.message)) return true;
    current = current.cause;
  }
  return false;
}
