import { defineConfig } from "vitest/config";
import { findUnitTests } from "./test/support/find-unit-tests.ts";
import { POLL } from "./test/support/poll.ts";

/** Tests of code that needs no Workers runtime, in plain Node. */
export default defineConfig({
  test: {
    include: findUnitTests(),
    maxWorkers: 2,
    expect: { poll: POLL },
    testTimeout: 30_000,
    silent: "passed-only",
  },
});
