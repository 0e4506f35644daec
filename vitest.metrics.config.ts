import { defineConfig } from "vitest/config";
import { POLL } from "./test/support/poll.ts";

/** A Prometheus that reads the metrics of a Gatehouse for a minute, in which this suite mostly waits. */
export default defineConfig({
  test: {
    include: ["test/metrics/**/*.test.ts"],
    expect: { poll: POLL },
    hookTimeout: 120_000,
  },
});
