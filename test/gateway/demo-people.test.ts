/// <reference types="vite/types/importMeta.d.ts" />
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { DEMO_PASSWORD, DEMO_PEOPLE, seedPeople } from "../../scripts/seed/people.ts";
import { bundledPolicy } from "../../shared/policy/bundled.ts";
import { listRoles } from "../../shared/policy/current.ts";
import { signIn } from "../support/oauth.ts";

describe("demonstration people", () => {
  it("cover every role and can sign in; a second seeding changes nothing", async () => {
    const lines: string[] = [];
    const options = {
      asOf: new Date("2026-11-01T00:00:00Z"),
      report: (line: string) => void lines.push(line),
    };
    expect(await seedPeople(env.PLATFORM_DB, options)).toBe(DEMO_PEOPLE.length);
    expect(DEMO_PEOPLE.map((person) => person.role).sort()).toEqual(listRoles(bundledPolicy()).sort());
    for (const person of DEMO_PEOPLE) await signIn(person, DEMO_PASSWORD);
    expect(await seedPeople(env.PLATFORM_DB, options)).toBe(0);
    expect(lines).toEqual([`Added ${DEMO_PEOPLE.length} demo people.`, "Demo people are already there."]);
  });

  it("cannot reach a deployment: no deployed file imports scripts or names the demo password", () => {
    const sources = import.meta.glob<string>(["../../workers/**/*.{ts,tsx}", "../../shared/**/*.{ts,tsx}"], {
      query: "?raw",
      import: "default",
      eager: true,
    });
    expect(Object.keys(sources).length).toBeGreaterThan(20);
    for (const [path, source] of Object.entries(sources)) {
      expect(source, path).not.toMatch(/from\s+"[^"]*scripts\//);
      expect(source, path).not.toMatch(/import\("[^"]*scripts\//);
      expect(source, path).not.toContain(DEMO_PASSWORD);
      expect(source, path).not.toContain('gatehouse.example"');
    }
  });
});
