import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { Browser } from "../../scripts/demo/browser.ts";
import { authorize, discover, registerClient } from "../../scripts/demo/oauth.ts";
import { GENERATIONS, openSession, type Session } from "../../scripts/demo/session.ts";
import { findPrometheus } from "../../scripts/local/database-servers.ts";
import { listLoaders } from "../../scripts/local/demonstration.ts";
import { pickPort } from "../../scripts/local/port.ts";
import { DEMO_PASSWORD } from "../../scripts/seed/people.ts";
import { type GatewayProcess, startGateway } from "../support/gateway-process.ts";

const TOKEN = "only-for-tests-metrics-token-0123456789";
/** Seconds between two scrapes, and at most for one: a busy machine must not look like a failure. */
const INTERVAL = 5;
/** Scrapes that must succeed: of one minute, unless the environment asks for more. */
const SCRAPES = Number(process.env.GATEHOUSE_SCRAPES ?? 60 / INTERVAL);
const CALLS = 20;
const installed = findPrometheus();

let gateway: GatewayProcess;
let prometheus: ChildProcess;
let folder: string;
let api: string;
const sessions: Session[] = [];

beforeAll(async () => {
  if (installed === null) return;
  gateway = await startGateway({
    vars: { METRICS_TOKEN: TOKEN },
    async seed(env) {
      await listLoaders({ contacts: 1, events: 1 }).PLATFORM_DB?.load(env.PLATFORM_DB, () => {}, env.MEDIA);
    },
  });
  folder = await mkdtemp(path.join(os.tmpdir(), "gatehouse-prometheus-"));
  const port = await pickPort();
  api = `http://127.0.0.1:${port}/api/v1`;
  await writeFile(path.join(folder, "token"), TOKEN);
  await writeFile(
    path.join(folder, "prometheus.yml"),
    `global: { scrape_interval: ${INTERVAL}s, scrape_timeout: ${INTERVAL}s }
scrape_configs:
  - job_name: gatehouse
    scheme: http
    authorization: { credentials_file: ${path.join(folder, "token")} }
    static_configs: [{ targets: ["${new URL(gateway.url).host}"] }]
`,
  );
  prometheus = spawn(
    installed.server,
    [
      `--config.file=${path.join(folder, "prometheus.yml")}`,
      `--storage.tsdb.path=${path.join(folder, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: "ignore" },
  );
});

afterAll(async () => {
  await Promise.all(sessions.map((session) => session.close()));
  if (prometheus?.exitCode === null && prometheus.signalCode === null) {
    prometheus.kill();
    await once(prometheus, "exit");
  }
  await gateway?.stop();
  if (folder) await rm(folder, { recursive: true, force: true });
});

describe.skipIf(installed === null)(
  "a Prometheus from Debian",
  { timeout: (SCRAPES * INTERVAL + 90) * 1_000 },
  () => {
    it(`scrapes /metrics ${SCRAPES} times, and counts every call of both generations`, async () => {
      const mcp = `${gateway.url}/mcp`;
      const { discovery } = await discover(mcp);
      const clientId = await registerClient(discovery, "A test");
      const account = { email: "admin@gatehouse.example", password: DEMO_PASSWORD };
      const { accessToken } = await authorize(discovery, clientId, new Browser(), account, () => {});
      for (const generation of GENERATIONS) {
        const session = await openSession(generation, mcp, accessToken);
        sessions.push(session);
        for (let call = 0; call < CALLS / GENERATIONS.length; call += 1) {
          expect(await session.call("context_get", {})).toMatchObject({ isError: false });
        }
      }
      const all = { timeout: (SCRAPES * INTERVAL + 60) * 1_000, interval: 500 };
      await expect
        .poll(() => query('sum(gatehouse_calls_total{ending="ok"})'), all)
        .toBeGreaterThanOrEqual(CALLS);
      await expect
        .poll(() => query('sum_over_time(up{job="gatehouse"}[1h])'), all)
        .toBeGreaterThanOrEqual(SCRAPES);
      expect(await query("sum(mcp_server_operation_duration_seconds_count)")).toBe(CALLS);
      expect(await query("min(gatehouse_part_up)")).toBe(1);
    });

    it("has nothing to say about the text of /metrics", async () => {
      const answer = await fetch(`${gateway.url}/metrics`, { headers: { authorization: `Bearer ${TOKEN}` } });
      const input = await answer.text();
      expect(input).toContain("mcp_server_operation_duration_seconds_bucket");
      const { status, stdout, stderr } = spawnSync(installed?.promtool ?? "", ["check", "metrics"], {
        input,
        encoding: "utf8",
      });
      expect({ status, said: stdout + stderr }).toEqual({ status: 0, said: "" });
    });
  },
);

/** The one number that a query gives; `null` while there is none. */
async function query(text: string): Promise<number | null> {
  const answer = await fetch(`${api}/query?query=${encodeURIComponent(text)}`).catch(() => null);
  if (answer?.ok !== true) return null;
  const { data } = (await answer.json()) as { data: { result: { value: [number, string] }[] } };
  return data.result.length === 1 ? Number(data.result[0]?.value[1]) : null;
}
