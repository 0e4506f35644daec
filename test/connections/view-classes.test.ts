import { describe, expect, it } from "vitest";
import type { MaskRules } from "../../shared/call/mask-rules.ts";
import { connectionEntry } from "../../shared/connections/entry.ts";
import type { ClickhouseEntry } from "../../shared/connections/kinds/clickhouse.ts";
import { readClickhouseCatalogue } from "../../workers/connections/clickhouse/catalogue.ts";
import { tablesOfViews } from "../../workers/connections/mysql/views.ts";
import { ColumnSight } from "../../workers/connections/sql/column-sight.ts";
import type { Ask } from "../../workers/connections/sql/exposed-catalogue.ts";

const MASKS: MaskRules = {
  fields: { public: "show", internal: "show", pii: "mask", secret: "drop" },
  text: [],
};

describe("what a view of MySQL or MariaDB reads", () => {
  const known = [
    { tableSchema: "shop", name: "people", type: "BASE TABLE" },
    { tableSchema: "shop", name: "goods", type: "BASE TABLE" },
    { tableSchema: "shop", name: "inner", type: "VIEW" },
  ];
  const inner = {
    tableSchema: "shop",
    name: "inner",
    definition: "select `p`.`id` AS `id` from `shop`.`people` `p`",
  };

  it.each([
    ["a join", "select 1 AS `1` from (`shop`.`goods` join `shop`.`people`)", ["shop.goods", "shop.people"]],
    ["another view", "select `i`.`id` AS `id` from `shop`.`inner` `i`", ["shop.inner", "shop.people"]],
    ["a subquery", "select 1 AS `1` from (select 2 AS `2` from `shop`.`goods`) `x`", ["shop.goods"]],
    ["a table that is not exposed", "select 1 AS `1` from `other`.`people`", null],
    ["a stored function", "select `shop`.`first_email`() AS `m`", null],
    ["a name without a schema", "select 1 AS `1` from `x`", null],
    ["what the account may not see", "", null],
  ])("is told for %s", (_what, definition, expected) => {
    const read = tablesOfViews([inner, { tableSchema: "shop", name: "view", definition }], known);
    expect(read.get("shop.view")).toEqual(expected);
  });
});

describe("a table of ClickHouse that gives rows of others", () => {
  const entry = connectionEntry.parse({
    kind: "clickhouse",
    title: "Events",
    description: "Events.",
    owner: "x@people.example",
    reach: { host: "h", database: "web", user: "reader" },
    expose: { tables: ["web.*"] },
    columns: { "web.visits.email": "pii", "web.named.day": "internal" },
  }) as ClickhouseEntry;
  const engines = {
    visits: "MergeTree",
    by_day: "View",
    all: "Distributed",
    kept: "MaterializedView",
    named: "View",
  };
  const names = Object.keys(engines) as (keyof typeof engines)[];
  const ask = (async (sql: string) => ({
    rows: names.flatMap((name): object[] => {
      const common = { database: "web", comment: "" };
      if (!sql.includes("system.columns"))
        return [{ ...common, name, engine: engines[name], total_rows: null, primary_key: "" }];
      return ["day", "email"].map((column) => ({ ...common, table: name, name: column, type: "String" }));
    }),
    cut: false,
  })) as Ask;

  it("hides its columns from a role until the file names them", async () => {
    const { tables } = await readClickhouseCatalogue(ask, entry);
    const sight = new ColumnSight(entry, MASKS, tables);
    const seen = (name: string) =>
      ["day", "email"].filter((column) => !sight.isHidden(`web.${name}.${column}`));
    expect(Object.fromEntries(names.map((name) => [name, seen(name)]))).toEqual({
      visits: ["day"],
      by_day: [],
      all: [],
      kept: [],
      named: ["day"],
    });
    expect(tables.filter((table) => sight.isWithheld(table)).map(({ name }) => name)).toEqual([
      "by_day",
      "all",
      "kept",
    ]);
  });
});
