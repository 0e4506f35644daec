import { defineConfig } from "vitest/config";
import { POLL } from "./test/support/poll.ts";

/** Tests with programs that others wrote, against a freshly started Gatehouse: real clients, the official suite. */
export default defineConfig({
  test: {
    include: ["test/clients/**/*.test.ts", "test/conformance/**/*.test.ts"],
    // Each file starts a gateway of its own; side by side they would only wait for each other.
    fileParallelism: false,
    expect: { poll: POLL },
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
