import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EXPECTED_WARNINGS } from "./expected-failures.ts";
import { RELAYED_DIFFERENCES, RELAYED_WARNINGS } from "./relayed/differences.ts";
import { type RelayingGateway, startRelayingGateway } from "./relayed/relaying-gateway.ts";
import type { ScenarioResult } from "./results.ts";
import { runRevision } from "./suite.ts";

describe("the conformance fixture behind two Gatehouses, at the URL of all servers", () => {
  let gateway: RelayingGateway;

  beforeAll(async () => {
    gateway = await startRelayingGateway();
  });

  afterAll(() => gateway?.stop());

  test.each([
    ["2025-11-25", "2025"],
    ["2026-07-28", "2026"],
  ] as const)(
    "passes what is required of a server of %s, and else what the fixture passes alone",
    async (revision, generation) => {
      await gateway.speak(generation);
      const [alone, behind] = await Promise.all([
        runRevision(gateway.directUrl, revision),
        runRevision(gateway.allUrl, revision),
      ]);
      expect(behind.required.filter(({ outcome }) => outcome !== "passed")).toEqual([]);
      const passed = alone.unscored.filter(({ outcome }) => outcome === "passed").map(scenarioOf);
      const differing = behind.unscored.filter(({ outcome }) => outcome === "failed").map(scenarioOf);
      const listed = Object.keys(RELAYED_DIFFERENCES).filter((scenario) => passed.includes(scenario));
      expect(differing.filter((scenario) => passed.includes(scenario)).sort()).toEqual(listed.sort());
      const warnings = [...behind.required, ...behind.unscored].flatMap((result) => result.warnings);
      const known = { ...EXPECTED_WARNINGS, ...RELAYED_WARNINGS };
      expect(warnings.filter((text) => !((text.split(":", 1)[0] ?? "") in known))).toEqual([]);
    },
  );
});

function scenarioOf({ scenario }: ScenarioResult): string {
  return scenario;
}
