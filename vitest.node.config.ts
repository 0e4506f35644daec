import { defineConfig } from "vitest/config";
import { POLL } from "./test/support/poll.ts";

/** Tests of what runs in Node: scripts, checks, deployments, the built bundle. */
export default defineConfig({
  test: {
    include: ["test/node/**/*.test.ts"],
    // Each file starts runtimes of its own; side by side they would only wait for each other.
    fileParallelism: false,
    expect: { poll: POLL },
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
