import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { makeParser, PARSER } from "../../scripts/sql-parser.ts";

describe("PostgreSQL's parser in the Worker", () => {
  it("is the package's parser with a smaller memory, as the script writes it", () => {
    const stored = readFileSync(PARSER);
    expect(stored.equals(makeParser()), "run: node scripts/sql-parser.ts").toBe(true);
  });
});
