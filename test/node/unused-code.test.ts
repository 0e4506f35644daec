import { describe, expect, it } from "vitest";
import { parseModule } from "../../scripts/check/module-graph.ts";
import { findUnusedExports } from "../../scripts/check/unused-code.ts";

function unusedIn(sources: Record<string, string>) {
  return findUnusedExports(Object.entries(sources).map(([file, source]) => parseModule(file, source)));
}

const ENTRY = "workers/index.ts";

describe("unused code", () => {
  it("passes when every export is imported by name, as a namespace, or dynamically", () => {
    const outcome = unusedIn({
      [ENTRY]: 'import { a } from "./a.ts"; import * as b from "./b.ts"; const c = import("./c.ts");',
      "workers/a.ts": "export const a = 1;",
      "workers/b.ts": "export const b = 1, other = 2;",
      "workers/c.ts": "export default function run() {}",
    });
    expect(outcome).toEqual({ findings: [], notes: [] });
  });

  it("names an export without an import, with its line", () => {
    const outcome = unusedIn({
      [ENTRY]: 'import { used } from "./a.ts";',
      "workers/a.ts": "export const used = 1;\nexport function forgotten() {}",
    });
    expect(outcome.findings).toEqual(["workers/a.ts:2 exports forgotten without an import. Delete it."]);
  });

  it("reports when only the word export is unnecessary", () => {
    const outcome = unusedIn({
      [ENTRY]: 'import { used } from "./a.ts";',
      "workers/a.ts": "export const LIMIT = 5;\nexport const used = LIMIT + 1;",
    });
    expect(outcome.findings).toEqual([
      "workers/a.ts:1 exports LIMIT without an import. Only its own file uses it: drop the word export.",
    ]);
  });

  it("allows a type that a signature of the same file mentions, and no other type", () => {
    const outcome = unusedIn({
      [ENTRY]: 'import { read } from "./a.ts";',
      "workers/a.ts":
        "export interface Options { size: number }\nexport function read(options: Options) { return options; }\nexport type Lonely = string;",
    });
    expect(outcome.findings).toEqual(["workers/a.ts:3 exports Lonely without an import. Delete it."]);
  });

  it("counts imports of tests separately: such an export is a note, not a failure", () => {
    const outcome = unusedIn({
      [ENTRY]: 'import { used } from "./a.ts";',
      "workers/a.ts": "export const used = 1;\nexport const seam = 2;",
      "test/a.test.ts": 'import { seam } from "../workers/a.ts";',
    });
    expect(outcome).toEqual({ findings: [], notes: ["workers/a.ts:2 seam is exported for tests alone."] });
  });

  it("names a file without an import, and knows set-up files of a configuration", () => {
    const outcome = unusedIn({
      [ENTRY]: "export default {};",
      "vitest.config.ts": 'export default { setupFiles: ["./test/support/migrate.ts"] };',
      "test/support/migrate.ts": "export {};",
      "workers/left-over.ts": "export const a = 1;",
    });
    expect(outcome.findings).toEqual(["workers/left-over.ts:1 has no import."]);
  });

  it("refuses a file that is not TypeScript, naming it", () => {
    expect(() => parseModule("workers/broken.ts", "export const = ;")).toThrow(/^workers\/broken\.ts: /);
  });
});
