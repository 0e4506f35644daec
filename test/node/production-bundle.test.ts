import { describe, expect, it } from "vitest";
import { buildBundle } from "../../scripts/check/bundle.ts";
import { readModules } from "../../scripts/check/module-graph.ts";
import { listSecretNames, readEnvironment } from "../../scripts/local/project.ts";
import { DEMO_PASSWORD, DEMO_PEOPLE } from "../../scripts/seed/people.ts";

/**
 * Texts that must never be deployed: demonstration users, their password, and every default secret of the
 * local environment.
 */
function listLocalOnlyTexts(): string[] {
  const { vars } = readEnvironment("local");
  return [
    DEMO_PASSWORD,
    ...DEMO_PEOPLE.flatMap(({ id, email, name }) => [id, email, name]),
    ...listSecretNames().map((name) => String(vars[name])),
  ];
}

describe.each(["production", "staging"] as const)("what is deployed to %s", (environment) => {
  it("contains no demo people, no demo password and no local secret", async () => {
    const files = await buildBundle(environment);
    const text = files.map(({ bytes }) => bytes.toString("utf8")).join("\n");
    expect(text.length).toBeGreaterThan(100_000);
    expect(listLocalOnlyTexts().filter((secret) => text.includes(secret))).toEqual([]);
  });

  it("is configured without any secret and under its own name", () => {
    const { vars } = readEnvironment(environment);
    expect(vars.ENVIRONMENT).toBe(environment);
    expect(listSecretNames().filter((name) => name in vars)).toEqual([]);
    const configured = JSON.stringify(readEnvironment(environment));
    expect(listLocalOnlyTexts().filter((secret) => configured.includes(secret))).toEqual([]);
  });
});

describe("demonstration data", () => {
  it("is imported by scripts and tests only", async () => {
    const deployed = await readModules(["workers", "shared"]);
    const reaching = deployed.filter(({ imports }) =>
      imports.some(({ file }) => file?.startsWith("scripts/") || file?.startsWith("test/")),
    );
    expect(reaching.map(({ file }) => file)).toEqual([]);
  });
});
