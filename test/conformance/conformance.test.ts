import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EXPECTED_FAILURES, EXPECTED_WARNINGS } from "./expected-failures.ts";
import { type FixtureGateway, startFixtureGateway } from "./fixture-gateway.ts";
import { PARTS, runPart, runScenario } from "./suite.ts";

/** Number of required and additional scenarios per part; fewer scenarios would prove less than documented. */
const COUNTS = {
  "2025-06-18": { required: 27, unscored: 0 },
  "2025-11-25": { required: 30, unscored: 3 },
  "2026-07-28": { required: 37, unscored: 13 },
  "authorization-server": { required: 2, unscored: 0 },
} as const;

describe("the official conformance suite", () => {
  let gateway: FixtureGateway;

  beforeAll(async () => {
    gateway = await startFixtureGateway();
  });

  afterAll(() => gateway?.stop());

  test.each(PARTS)("passes every scenario of %s, scored or not", async (part) => {
    const { required, unscored } = await runPart(gateway, part);
    const results = [...required, ...unscored];
    const failed = results.filter(({ outcome }) => outcome === "failed");
    expect(failed.filter(({ scenario }) => !(`${part} ${scenario}` in EXPECTED_FAILURES))).toEqual([]);
    expect(failed.map(({ scenario }) => `${part} ${scenario}`).sort()).toEqual(
      Object.keys(EXPECTED_FAILURES).filter((name) => name.startsWith(part)),
    );
    expect({ required: required.length, unscored: unscored.length }).toEqual(COUNTS[part]);
    expect(required.filter(({ outcome }) => outcome !== "passed")).toEqual([]);
    const warnings = results.flatMap((result) => result.warnings);
    expect(warnings.filter((text) => !((text.split(":", 1)[0] ?? "") in EXPECTED_WARNINGS))).toEqual([]);
  });

  test("fails when the server is not running, so that a pass is meaningful", async () => {
    const result = await runScenario(`${gateway.url}/mcp/nothing`, "2025-11-25", "ping");
    expect(result?.outcome).toBe("failed");
  });
});
