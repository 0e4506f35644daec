import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { type Schema, Validator } from "@cfworker/json-schema";
import { describe, expect, it } from "vitest";
import dashboard from "../../docs/grafana-dashboard.json" with { type: "json" };
import schema from "../gateway/schemas/grafana-dashboard.schema.json" with { type: "json" };
import { readExpression } from "./read-expression.ts";

const validator = new Validator(schema as Schema, "7", false);

/** Where a dashboard breaks Grafana's schema: the innermost places first. */
const errorsOf = (one: unknown) =>
  validator.validate(one).errors.map(({ instanceLocation, error }) => `${instanceLocation}: ${error}`);

const [first] = dashboard.panels;

/** The dashboard with its first panel changed. */
const withPanel = (change: object) => ({ ...dashboard, panels: [{ ...first, ...change }] });

/** Has `promtool` read the expressions as rules. */
function checkRules(expressions: readonly string[]) {
  const folder = mkdtempSync(path.join(os.tmpdir(), "gatehouse-rules-"));
  const file = path.join(folder, "rules.json");
  const rules = expressions.map((expr, index) => ({ record: `shown:${index}`, expr }));
  writeFileSync(file, JSON.stringify({ groups: [{ name: "dashboard", rules }] }));
  const ended = spawnSync("promtool", ["check", "rules", file], { encoding: "utf8" });
  rmSync(folder, { recursive: true });
  return ended;
}

describe("the dashboard for Grafana", () => {
  it("is a dashboard of time series by the schema that Grafana publishes", () => {
    expect(errorsOf(dashboard)).toEqual([]);
  });

  it.each<[string, object]>([
    ["no version of the schema", { ...dashboard, schemaVersion: undefined }],
    ["a field that Grafana does not know", { ...dashboard, panel: [] }],
    ["another kind of panel than it was checked for", withPanel({ type: "graph" })],
    ["a query without an expression", withPanel({ targets: [{ refId: "A" }] })],
    ["a place without a width", withPanel({ gridPos: { x: 0, y: 0, h: 8 } })],
    ["a unit in the wrong place", withPanel({ unit: "s" })],
    ["no list of overrides", withPanel({ fieldConfig: { defaults: {} } })],
    [
      "a style of lines that Grafana does not draw",
      withPanel({ fieldConfig: { defaults: { custom: { drawStyle: "curly" } }, overrides: [] } }),
    ],
    [
      "a legend in a corner",
      withPanel({
        options: { ...first?.options, legend: { ...first?.options.legend, placement: "corner" } },
      }),
    ],
  ])("is held to it: the schema refuses %s", (_, wrong) => {
    expect(errorsOf(JSON.parse(JSON.stringify(wrong)))).not.toEqual([]);
  });

  it("asks in PromQL that Prometheus parses, where promtool is installed", () => {
    const expressions = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
    expect(expressions.length).toBeGreaterThan(8);
    const { error, status, stdout, stderr } = checkRules(expressions);
    if (error !== undefined) return;
    expect([status, stdout + stderr]).toEqual([
      0,
      expect.stringContaining(`${expressions.length} rules found`),
    ]);
    expect(checkRules(["sum by (ending (rate(gatehouse_calls_total[5m]))"]).status).not.toBe(0);
  });
});

describe("the series of an expression", () => {
  it("are found with their labels, and functions, words, ranges and texts are none", () => {
    const text =
      'topk(10, sum by (le, tool) (rate(a_bucket{ending="failed",who!~"b{c}"}[5m] offset 1h))) / on (tool) group_left () b_total and c == 0';
    expect(readExpression(text)).toEqual({
      selectors: [
        {
          name: "a_bucket",
          matchers: new Map([
            ["ending", "failed"],
            ["who", null],
          ]),
        },
        { name: "b_total", matchers: new Map() },
        { name: "c", matchers: new Map() },
      ],
      grouping: new Set(["le", "tool"]),
    });
  });
});
