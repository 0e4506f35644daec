import { beforeAll, describe, expect, it } from "vitest";
import { DIMENSIONS } from "../../workers/analytics/dimensions.ts";
import { foldName } from "../../workers/analytics/names.ts";
import { OFFERED_TABLES } from "../../workers/analytics/schema.ts";
import { METRICS } from "../../workers/analytics/semantic-layer.ts";
import { LANES, openSession, type TestSession } from "../support/session.ts";
import { loadShop } from "./shop.ts";

beforeAll(async () => {
  await loadShop(300, 60);
});

describe.each(LANES)("documents and prompts, %s", (lane) => {
  let session: TestSession;

  beforeAll(async () => {
    session = await openSession({ server: "analytics", lane });
  });

  it("the catalogue has every metric with its definition, without internal fields", async () => {
    const [document] = await session.readResource("analytics://metrics");
    const { metrics, dimensions, data } = JSON.parse(document.text);
    expect(metrics.map(({ name }: { name: string }) => name)).toEqual(METRICS.map(({ name }) => name));
    expect(metrics[0]).toMatchObject({ formula: "sum of the amounts of orders", data: "commerce" });
    expect(metrics[0]).not.toHaveProperty("numerator");
    for (const entry of [...metrics, ...dimensions]) {
      expect(entry).toMatchObject({
        name: expect.stringMatching(/^[a-z_]+$/),
        owner: expect.stringMatching(/./),
        classification: expect.stringMatching(/^(public|internal)$/),
        synonyms: expect.arrayContaining([expect.any(String)]),
      });
    }
    expect(data.map(({ name }: { name: string }) => name)).toEqual(["commerce", "employment"]);
  });

  it("no word means two metrics or two dimensions", () => {
    const named = [
      METRICS.flatMap(({ name, title, synonyms }) => [...new Set([name, title, ...synonyms].map(foldName))]),
      Object.entries(DIMENSIONS).flatMap(([name, { title, synonyms }]) => [
        ...new Set([name, title, ...synonyms].map(foldName)),
      ]),
    ];
    for (const words of named) expect(words).toEqual([...new Set(words)]);
  });

  it("every table is listed and describes each of its columns", async () => {
    const listed = await session.listResources();
    for (const { name, columns } of OFFERED_TABLES) {
      const uri = `analytics://schema/${name}`;
      expect(listed.map((resource: { uri: string }) => resource.uri)).toContain(uri);
      const [document] = await session.readResource(uri);
      const table = JSON.parse(document.text);
      expect(table.columns.map((column: { name: string }) => column.name)).toEqual(Object.keys(columns));
      expect(table.columns.every(({ meaning }: { meaning: string }) => meaning !== "")).toBe(true);
    }
  });

  it.each(["sqlite_master", "d1_migrations", "dimension_members", "nothing"])(
    "the table %s is not there",
    async (name) => {
      await expect(session.readResource(`analytics://schema/${name}`)).rejects.toThrow();
    },
  );

  it("tables, regions, metrics and periods are completed", async () => {
    const table = { type: "ref/resource", uri: "analytics://schema/{table}" };
    expect((await session.complete(table, { name: "table", value: "us_" })).values).toEqual([
      "us_employment",
      "us_unemployment",
    ]);
    const review = { type: "ref/prompt", name: "analytics_review_week" };
    expect((await session.complete(review, { name: "region", value: "eur" })).values).toEqual(["Europe"]);
    const explain = { type: "ref/prompt", name: "analytics_explain_change" };
    expect((await session.complete(explain, { name: "metric", value: "margin" })).values).toEqual([
      "gross_margin",
    ]);
    expect((await session.complete(explain, { name: "period", value: "last q" })).values).toEqual([
      "last_quarter",
    ]);
  });

  it("a prompt uses the catalogue's name of the metric, in whichever spelling the caller named it", async () => {
    const { messages } = await session.getPrompt("analytics_explain_change", {
      metric: "sales",
      period: "last_month",
    });
    expect(messages[0].content.text).toContain("metric revenue and period last_month");
  });

  it("the weekly review passes the region on to every call", async () => {
    const { messages } = await session.getPrompt("analytics_review_week", { region: "europe" });
    expect(messages[0].content.text).toContain('Pass region "Europe" to every call.');
    const everywhere = await session.getPrompt("analytics_review_week", {});
    expect(everywhere.messages[0].content.text).toContain("Write the weekly business review.");
  });

  it("the tool definitions stay within their token budget", async () => {
    const tools = await session.listTools();
    const own = tools.filter(({ name }: { name: string }) => name.startsWith("analytics_"));
    const writing = own.filter(
      ({ annotations }: { annotations: { readOnlyHint: boolean } }) => !annotations.readOnlyHint,
    );
    expect(writing.map(({ name }: { name: string }) => name)).toEqual(["analytics_track"]);
    // About 4 characters per token.
    expect(JSON.stringify(own).length / 4).toBeLessThan(7_000);
  });
});
