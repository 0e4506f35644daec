import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import dashboard from "../../docs/grafana-dashboard.json" with { type: "json" };
import { app } from "../../workers/gateway/app.ts";
import { callsOf } from "../audit/calls.ts";
import { deliver } from "../audit/trail.ts";
import { readExposition } from "../observe/read-exposition.ts";

const TOKEN = "a-token-of-the-scraper-0123456789abcdef";

const scrape = (token: string | undefined, authorization?: string) => {
  const request = new Request(new URL("/metrics", env.PUBLIC_URL), {
    headers: authorization === undefined ? {} : { Authorization: authorization },
  });
  return app.fetch(request, { ...env, METRICS_TOKEN: token } as Env, createExecutionContext());
};

const read = async () => readExposition(await (await scrape(TOKEN, `Bearer ${TOKEN}`)).text());

beforeAll(async () => {
  await deliver(
    callsOf("user_scraped", [
      { ms: 15, status: "ok" },
      { ms: 40, status: "ok" },
      { ms: 7_000, status: "failed", error: "timeout" },
      { ms: 0, status: "failed", error: "rate_limited" },
      { ms: 0, status: "denied" },
      { ms: 3, status: "ok", details: { kind: "resource", server: "knowledge", name: "article" } },
    ]),
  );
});

describe("/metrics", () => {
  it("is there for the token of its own only, and without the secret not at all", async () => {
    const asked = [
      [undefined, `Bearer ${TOKEN}`],
      ["", "Bearer "],
      ["short", "Bearer short"],
      [TOKEN, undefined],
      [TOKEN, "Bearer another-token-0123456789abcdef0123"],
      [TOKEN, `Basic ${TOKEN}`],
      [TOKEN, TOKEN],
    ] as const;
    for (const [token, authorization] of asked) {
      const answer = await scrape(token, authorization);
      expect([authorization, answer.status]).toEqual([authorization, 404]);
      expect(await answer.text()).not.toContain("gatehouse_");
    }
    const answer = await scrape(TOKEN, `Bearer ${TOKEN}`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("Content-Type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(answer.headers.get("Cache-Control")).toBe("no-store");
  });

  it("counts calls by how they ended, with their durations as a histogram", async () => {
    const metrics = await read();
    const labels = {
      mcp_method_name: "tools/call",
      gatehouse_server: "crm",
      gen_ai_tool_name: "crm_find_contacts",
    };
    const ended = (ending: string) => metrics.value("gatehouse_calls_total", { ...labels, ending });
    expect(["ok", "failed", "denied", "limited", "waiting", "unknown"].map(ended)).toEqual([
      2, 1, 1, 1, 0, 0,
    ]);
    expect(metrics.value("gatehouse_calls_begun_total", labels)).toBe(5);
    const name = "mcp_server_operation_duration_seconds";
    const bucket = (le: string) => metrics.value(`${name}_bucket`, { ...labels, le });
    expect(["0.01", "0.02", "0.05", "5", "10", "+Inf"].map(bucket)).toEqual([0, 1, 2, 2, 3, 3]);
    expect(metrics.value(`${name}_count`, labels)).toBe(3);
    expect(metrics.value(`${name}_sum`, labels)).toBeCloseTo(7.055);
    expect(metrics.value("gatehouse_call_errors_total", { error_type: "rate_limited" })).toBe(1);
    expect(metrics.value("gatehouse_denials_total", { decision: "deny" })).toBe(1);
    const article = {
      mcp_method_name: "resources/read",
      gatehouse_server: "knowledge",
      mcp_resource_name: "article",
    };
    expect(metrics.value("gatehouse_calls_begun_total", article)).toBe(1);
  });

  it("says what waits and which part answers, and names no person, app or argument", async () => {
    await env.PLATFORM_DB.prepare(
      "INSERT OR IGNORE INTO dead_letter (id, body, reason, at, tried_at) VALUES ('m', '1', 'r', 1, 1)",
    ).run();
    const answer = await (await scrape(TOKEN, `Bearer ${TOKEN}`)).text();
    const metrics = readExposition(answer);
    expect(metrics.value("gatehouse_dead_letters", {})).toBe(1);
    expect(metrics.value("gatehouse_queue_oldest_record_seconds", {})).toBe(0);
    expect(metrics.value("gatehouse_part_up", { part: "PLATFORM_DB" })).toBe(1);
    for (const secret of ["user_scraped", "client", "query", "192."]) expect(answer).not.toContain(secret);
  });

  it("has every metric that the dashboard for Grafana shows", async () => {
    const metrics = await read();
    const expressions = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
    const named = expressions.flatMap(
      (expr) => expr.match(/\b(?:gatehouse|mcp)_[a-z_]+(?=[{[)\s]|$)/g) ?? [],
    );
    expect(expressions.length).toBeGreaterThan(8);
    // Steps of approvals, sign-ins, connections and copies have no sample in this test.
    const silent = /approval_steps|sign_ins|connection|audit_sink|checkpoint/;
    const missing = named.filter(
      (name) => !metrics.names.has(name) && !silent.test(name) && !LABELS.has(name),
    );
    expect(missing).toEqual([]);
  });

  it("has a dashboard whose panels have what Grafana's schema of a time series asks for, none over another", () => {
    const { panels } = dashboard;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    for (const { title, type, options } of panels) {
      expect([title, type, options]).toEqual([
        title,
        "timeseries",
        {
          legend: { displayMode: "list", placement: "bottom", showLegend: true, calcs: [] },
          tooltip: { mode: "multi", sort: "desc" },
        },
      ]);
    }
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) => {
      expect(x + w).toBeLessThanOrEqual(24);
      return Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`);
    });
    expect(new Set(cells).size).toBe(cells.length);
  });
});

const LABELS = new Set(["mcp_method_name", "gatehouse_server", "mcp_resource_name"]);
