import { describe, expect, it } from "vitest";
import { localIntervalOf } from "../../scripts/local/clock.ts";
import { readEnvironment } from "../../scripts/local/project.ts";
import { LINKS_CRON, REQUESTS_CRON } from "../../workers/crons.ts";

describe("the triggers of wrangler.toml", () => {
  it.each(["production", "staging", "local"] as const)("name the Worker's own in %s", (environment) => {
    const { crons = [] } = readEnvironment(environment).triggers;
    expect(crons).toEqual(expect.arrayContaining([REQUESTS_CRON, LINKS_CRON]));
    expect(crons).toHaveLength(3);
  });

  it("of every few minutes come within seconds in local development, and those of every hour hourly", () => {
    const seconds = [LINKS_CRON, REQUESTS_CRON, "17 * * * *"].map((cron) => localIntervalOf(cron) / 1_000);
    expect(seconds).toEqual([10, 10, 3_600]);
  });
});
