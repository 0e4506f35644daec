import { describe, expect, it } from "vitest";
import { readConnections } from "../../scripts/connections/files.ts";

const RIGHT = [
  "connections:",
  "  sales:",
  "    kind: postgresql",
  "    title: Sales",
  "    description: Invoices.",
  "    owner: x@people.example",
  "    reach: { host: db.people.example, port: 5432, database: sales, user: gatehouse, tls: required }",
  '    expose: { tables: ["public.*"] }',
  "    limits: { rows: 100 }",
  "    columns: { public.customers.email: pii }",
].join("\n");

describe("a value of the wrong shape in a file", () => {
  it.each([
    ["a port that is too high", "port: 5432", "port: 70000", "must be at most 65535"],
    ["a port that is too low", "port: 5432", "port: 0", "must be at least 1"],
    ["a number in quotes", "port: 5432", 'port: "5432"', "must be a number"],
    ["a part of a number", "rows: 100", "rows: 1.5", "must be a whole number"],
    ["a list in place of a map", "columns: { public.customers.email: pii }", "columns: [a]", "must be a map"],
    ["a number in place of a text", "title: Sales", "title: 7", "must be a text"],
    ["nothing in place of a text", "    owner: x@people.example\n", "", "is missing"],
    [
      "a misspelt choice",
      "tls: required",
      "tls: requird",
      'must be one of required, off. Did you mean "required"?',
    ],
    ["another choice", "tls: required", "tls: perhaps", "must be one of required, off"],
    ["an empty list", '["public.*"]', "[]", "must have at least 1 item"],
  ])("is refused by the rule that it breaks: %s", (_what, right, wrong, sentence) => {
    expect(readConnections("c.yaml", RIGHT).mistakes).toEqual([]);
    const { mistakes } = readConnections("c.yaml", RIGHT.replace(right, wrong));
    expect(mistakes.map(({ message }) => message)).toEqual([sentence]);
  });
});
