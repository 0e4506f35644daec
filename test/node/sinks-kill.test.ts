import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { build } from "esbuild";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { applyMigrations, readMigrations } from "../../scripts/local/migrate.ts";
import { readEnvironment } from "../../scripts/local/project.ts";
import { ROOT } from "../../scripts/local/root.ts";
import { createReceivers } from "../audit/receivers.ts";

const ROUNDS = 10;
const HOUR_MS = 60 * 60_000;
const START = Date.UTC(2026, 10, 29, 12);

const receivers = createReceivers();
let folder = "";
let script = "";

/** The runtime of this process. */
function findRuntime(): number {
  const table = execFileSync("ps", ["-eo", "pid=,ppid=,comm="], { encoding: "utf8" });
  for (const line of table.split("\n")) {
    const [pid, parent, command] = line.trim().split(/\s+/);
    if (command === "workerd" && Number(parent) === process.pid) return Number(pid);
  }
  throw new Error("No runtime is there.");
}

/** Brings a request that leaves the Worker to the double at its host. */
async function answer(request: Request): Promise<Response> {
  const receiver = receivers.find(
    ({ settings }) => new URL(Object.values(settings)[0] ?? "").host === new URL(request.url).host,
  );
  if (receiver === undefined) return new Response("", { status: 502 });
  const body = await request.arrayBuffer();
  return receiver.ask(new Request(request.url, { method: request.method, headers: request.headers, body }));
}

async function start(): Promise<Miniflare> {
  const { compatibility_date, compatibility_flags, vars } = readEnvironment("local");
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      name: "sinks",
      modules: [{ type: "ESModule", path: "index.js", contents: script }],
      ...(compatibility_date !== undefined && { compatibilityDate: compatibility_date }),
      compatibilityFlags: compatibility_flags,
      bindings: {
        ...(vars as Record<string, string>),
        ...Object.assign({}, ...receivers.map((one) => one.settings)),
      },
      d1Databases: { PLATFORM_DB: "platform" },
      r2Buckets: { AUDIT_ARCHIVE: "archive" },
      resourcePersistencePath: folder,
      outboundService: answer as never,
      cf: false,
      logRequests: false,
      handleStructuredLogs: () => {},
    }),
  );
  await miniflare.ready;
  return miniflare;
}

async function feed(miniflare: Miniflare, at: number, store: number) {
  const response = await miniflare.dispatchFetch(`http://localhost/?at=${at}&store=${store}`);
  return (await response.json()) as { places: { name: string; through: number }[]; stored: number };
}

describe("a runtime that is killed while it feeds the sinks", () => {
  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), "gatehouse-sinks-"));
    const built = await build({
      entryPoints: [path.join(import.meta.dirname, "sinks-kill/worker.ts")],
      bundle: true,
      write: false,
      format: "esm",
      target: "es2024",
      external: ["cloudflare:*", "node:*"],
      logLevel: "error",
    });
    script = built.outputFiles[0]?.text ?? "";
    const first = await start();
    const migrations = await readMigrations(path.join(ROOT, "migrations/platform"));
    await applyMigrations((await first.getD1Database("PLATFORM_DB")) as unknown as D1Database, migrations);
    await first.dispose();
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  it(`loses no record at any receiver, and shows none twice (${ROUNDS} kills)`, async () => {
    let killed = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const miniflare = await start();
      const runtime = findRuntime();
      // Each receiver in turn: the runtime dies when that one has the records and the sink's place is not noted.
      const victim = receivers[round % receivers.length];
      let left = 1 + (round % 3);
      if (victim)
        victim.onKept = () => {
          left -= 1;
          if (left !== 0) return;
          killed += 1;
          process.kill(runtime, "SIGKILL");
        };
      await feed(miniflare, START + round * 2 * HOUR_MS, 1_100 + round * 37).catch(() => undefined);
      if (victim) victim.onKept = () => undefined;
      await miniflare.dispose().catch(() => undefined);
    }
    expect(killed).toBe(ROUNDS);
    const last = await start();
    const { stored, places } = await feed(last, START + 24 * HOUR_MS, 1);
    expect(places.map(({ name, through }) => [name, through])).toEqual(
      ["elastic", "otlp_logs", "r2_archive", "s3", "splunk", "syslog", "webhook"].map((name) => [
        name,
        stored,
      ]),
    );
    const all = Array.from({ length: stored }, (_, index) => `user_killed/${index + 1}`);
    for (const receiver of receivers) {
      expect({ name: receiver.name, shown: receiver.list().length }).toEqual({
        name: receiver.name,
        shown: stored,
      });
      expect(new Set(receiver.list())).toEqual(new Set(all));
    }
    const sent = receivers.map(({ requests }) => requests.reduce((sum, count) => sum + count, 0));
    console.log(`${ROUNDS} kills, ${stored} records; sent to each receiver: ${sent.join(", ")}`);
    const bucket = (await last.getR2Bucket("AUDIT_ARCHIVE")) as unknown as R2Bucket;
    const archived: string[] = [];
    for (const { key } of (await bucket.list({ prefix: "trail/" })).objects) {
      archived.push(...((await (await bucket.get(key))?.text()) ?? "").split("\n").filter(Boolean));
    }
    expect(archived).toHaveLength(stored);
    await last.dispose();
  });
});
