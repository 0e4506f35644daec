import { vi } from "vitest";
import { POLL } from "./poll.ts";

/** Waits until `look` no longer throws, and returns its result; in the end it fails with what `look` threw last. */
export function until<Result>(look: () => Result | Promise<Result>): Promise<Result> {
  return vi.waitFor(look, POLL);
}
