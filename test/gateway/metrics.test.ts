import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import dashboard from "../../docs/grafana-dashboard.json" with { type: "json" };
import type { AuditEvent } from "../../shared/audit/record.ts";
import { connectionEntry } from "../../shared/connections/entry.ts";
import { writeCheckpoints } from "../../workers/audit-log/write-checkpoints.ts";
import { app } from "../../workers/gateway/app.ts";
import { callsOf } from "../audit/calls.ts";
import { SIGN_IN } from "../audit/sweeps.ts";
import { deliver, deliverAll, withTrail } from "../audit/trail.ts";
import { readExposition } from "../observe/read-exposition.ts";
import { readExpression } from "../observe/read-expression.ts";
import { publishConnections } from "../support/publish-connections.ts";

const TOKEN = "a-token-of-the-scraper-0123456789abcdef";

const scrape = (token: string | undefined, authorization?: string) => {
  const request = new Request(new URL("/metrics", env.PUBLIC_URL), {
    headers: authorization === undefined ? {} : { Authorization: authorization },
  });
  const settings = { METRICS_TOKEN: token, AUDIT_WEBHOOK_URL: "https://receiver.example/trail" };
  return app.fetch(request, { ...env, ...settings } as Env, createExecutionContext());
};

const read = async () => readExposition(await (await scrape(TOKEN, `Bearer ${TOKEN}`)).text());

const REQUESTED: AuditEvent = {
  type: "approval_requested",
  approvalId: "approval-1",
  callId: "call-1",
  clientId: "client",
  server: "crm",
  tool: "crm_move_deal",
  argumentsDigest: "0".repeat(64),
  policyDigest: "0".repeat(64),
  rule: "roles.sales.require_approval[0]",
  expiresAt: Date.now(),
};

const CONNECTION = connectionEntry.parse({
  kind: "opensearch",
  title: "Orders",
  description: "Orders of the web shop.",
  owner: "shop@people.example",
  reach: { host: "search.example" },
  auth: { type: "basic", user: "reader" },
  expose: { indices: ["orders*"] },
});

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
  const requester = "user_waited";
  await withTrail(requester, (trail) => {
    trail.record(requester, SIGN_IN, Date.now());
    trail.record(requester, REQUESTED, Date.now());
  });
  await deliverAll(requester);
  await publishConnections({ orders: CONNECTION });
  await writeCheckpoints(env);
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

  it("has every series that the dashboard for Grafana asks for, with the labels that it names", async () => {
    const metrics = await read();
    const targets = dashboard.panels.flatMap(({ targets: own }) => own);
    expect(targets.length).toBeGreaterThan(8);
    for (const { expr, legendFormat = "" } of targets) {
      const { selectors, grouping } = readExpression(expr);
      expect([expr, selectors.length > 0]).toEqual([expr, true]);
      const shown = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = ""]) => label);
      for (const { name, matchers } of selectors) {
        expect([expr, name, metrics.names.has(name)]).toEqual([expr, name, true]);
        const labels = metrics.labels(name);
        const missing = [...grouping, ...shown, ...matchers.keys()].filter((label) => !labels.has(label));
        const unmet = [...matchers].filter(
          ([label, value]) => value !== null && !labels.get(label)?.has(value),
        );
        expect([expr, missing, unmet]).toEqual([expr, [], []]);
      }
    }
  });

  it("has a dashboard whose panels have a legend and a tooltip alike, none over another", () => {
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
