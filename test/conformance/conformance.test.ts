import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EXPECTED_FAILURES } from "./expected-failures.ts";
import { type FixtureGateway, startFixtureGateway } from "./fixture-gateway.ts";
import { REVISIONS, runSuite } from "./suite.ts";

/** How many server scenarios each revision requires; a suite that runs fewer proves less than we claim. */
const REQUIRED = { "2025-11-25": 30, "2026-07-28": 37 } as const;

describe("the official conformance suite", () => {
  let gateway: FixtureGateway;

  beforeAll(async () => {
    gateway = await startFixtureGateway();
  });

  afterAll(() => gateway?.stop());

  test.each(REVISIONS)(
    "passes every required scenario of %s but the ones that are listed",
    async (revision) => {
      const results = await runSuite(gateway.fixtureUrl, revision);
      const failed = results.filter(({ passed }) => !passed);
      const unexpected = failed.filter(({ scenario }) => !(scenario in EXPECTED_FAILURES[revision]));
      expect(unexpected).toEqual([]);
      expect(failed.map(({ scenario }) => scenario).sort()).toEqual(
        Object.keys(EXPECTED_FAILURES[revision]).sort(),
      );
      expect(results).toHaveLength(REQUIRED[revision]);
      expect(
        results.flatMap(({ scenario, warnings }) => warnings.map((text) => `${scenario}: ${text}`)),
      ).toEqual([]);
    },
  );

  test("fails when the server is not there, so that a pass means something", async () => {
    const [result] = await runSuite(`${gateway.url}/mcp/nothing`, "2025-11-25", "ping");
    expect(result?.passed).toBe(false);
  });
});
