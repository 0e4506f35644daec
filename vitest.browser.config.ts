import { defineConfig } from "vitest/config";
import { POLL } from "./test/support/poll.ts";

/** The pages in a real, installed Chromium against the built Worker. Runs in Node; `CHROME_PATH` names the browser. */
export default defineConfig({
  test: {
    include: ["test/browser/**/*.test.ts"],
    environment: "node",
    globalSetup: ["./test/browser/start-site.ts"],
    // One browser and one Worker for all files; starting both takes a while on a small machine.
    fileParallelism: false,
    hookTimeout: 120_000,
    expect: { poll: POLL },
    testTimeout: 90_000,
  },
});
