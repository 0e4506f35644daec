import { defineConfig } from "vitest/config";
import { findUnitTests } from "./test/support/find-unit-tests.ts";
import { IN_SHARED_RUNTIME, workersSuite } from "./test/support/workers-suite.ts";

/** Tests of the servers' tools inside of the Workers runtime, whose files share a runtime. */
export default defineConfig(() =>
  workersSuite({
    include: IN_SHARED_RUNTIME.map((folder) => `${folder}/*.test.ts`),
    exclude: ["node_modules/**", ...findUnitTests()],
    isolate: false,
    restoreMocks: true,
    unstubGlobals: true,
    // A queue or an alarm that begins in the moment between two files finds no test to load its Worker from.
    onUnhandledError: ({ name }) => name !== "EnvironmentTeardownError",
  }),
);
