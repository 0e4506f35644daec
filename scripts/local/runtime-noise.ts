/**
 * What the runtime says about itself: addresses in its own code, and statements that SQLite refused, which their callers get
 * as errors with a message.
 */
const NOISE = [
  /^stack: /,
  /kj::getStackTrace\(\) = /,
  /^e = workerd\/.* SQLite failed;/,
  /^detected excessive collisions in hash table/,
];

/** Whether a line of the local runtime says nothing to a user of a command. */
export function isRuntimeNoise(line: string): boolean {
  return NOISE.some((pattern) => pattern.test(line));
}
