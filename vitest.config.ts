import { defineConfig } from "vitest/config";
import { findUnitTests } from "./test/support/find-unit-tests.ts";
import { IN_SHARED_RUNTIME, workersSuite } from "./test/support/workers-suite.ts";

/** Tests inside of the Workers runtime, which each file starts for itself. */
export default defineConfig(() =>
  workersSuite({
    include: ["test/**/*.test.ts"],
    exclude: [
      "test/node/**",
      "test/browser/**",
      "test/clients/**",
      "test/conformance/**",
      "test/metrics/**",
      "test/connections/databases/**",
      "test/connections/mcp/**",
      "node_modules/**",
      ...IN_SHARED_RUNTIME,
      ...findUnitTests(),
    ],
  }),
);
