import { describe, expect, it } from "vitest";
import { findLength } from "../../scripts/check/file-lengths.ts";
import { findNamingMistakes } from "../../scripts/check/migrations.ts";
import { parseModule } from "../../scripts/check/module-graph.ts";
import { findLockMistakes, findUndeclared } from "../../scripts/check/packages.ts";
import { estimateTokens } from "../../scripts/check/token-cost.ts";

describe("migration names", () => {
  it("accepts numbers without gaps", () => {
    expect(findNamingMistakes("migrations/crm", ["0002_search.sql", "0001_tables.sql"])).toEqual([]);
  });

  it("names a gap, a number used twice, and a name that would sort elsewhere", () => {
    expect(findNamingMistakes("m", ["0001_a.sql", "0003_b.sql"])).toEqual([
      "m/0003_b.sql: the next number is 0002.",
    ]);
    expect(findNamingMistakes("m", ["0001_a.sql", "0001_b.sql"])).toEqual([
      "m/0001_b.sql: the next number is 0002.",
    ]);
    expect(findNamingMistakes("m", ["1_a.sql"])).toEqual(["m/1_a.sql: name it NNNN_what_it_does.sql."]);
  });

  it("requires at least one migration in every folder", () => {
    expect(findNamingMistakes("migrations/crm", [])).toEqual(["migrations/crm has no migrations."]);
  });
});

describe("the length of a file", () => {
  it("is 350 lines at most, with or without a line break at the end", () => {
    const lines = Array.from({ length: 350 }, () => "a");
    expect(findLength("workers/a.ts", lines.join("\n"))).toEqual([]);
    expect(findLength("workers/a.ts", `${lines.join("\n")}\n`)).toEqual([]);
    expect(findLength("workers/a.ts", `${lines.join("\n")}\n\n`)).toEqual([
      "workers/a.ts:351 has 351 lines, at most 350: split it by what it is about.",
    ]);
  });
});

describe("packages", () => {
  it("names an import of a package that is not declared", () => {
    const modules = [
      parseModule(
        "workers/a.ts",
        'import "zod/v4";\nimport "node:fs";\nimport "@scope/stranger/deep";\nimport "./b.ts";',
      ),
    ];
    expect(findUndeclared(modules, { dependencies: { zod: "4.0.0" } })).toEqual([
      "workers/a.ts:3 imports @scope/stranger, which package.json does not list.",
    ]);
  });

  it("names download addresses and a second zod in the lock file", () => {
    expect(findLockMistakes({ packages: { "node_modules/zod": { version: "4.0.0" } } })).toEqual([]);
    expect(
      findLockMistakes({
        packages: {
          "node_modules/zod": { resolved: "https://registry.example/zod.tgz" },
          "node_modules/other/node_modules/zod": {},
        },
      }),
    ).toEqual([
      "package-lock.json names a download address for node_modules/zod.",
      "package-lock.json has 2 copies of zod; a second copy breaks tool registration.",
    ]);
  });
});

describe("token estimate", () => {
  it("is one token per four characters, rounded up", () => {
    expect(estimateTokens("")).toBe(0);
    expect(estimateTokens("abcd")).toBe(1);
    expect(estimateTokens("abcde")).toBe(2);
  });
});
