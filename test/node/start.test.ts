import { execFileSync } from "node:child_process";
import { chmod, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { pickPort } from "../../scripts/local/port.ts";
import { runNode } from "../../scripts/local/process.ts";
import { DEMO_PASSWORD, DEMO_PEOPLE } from "../../scripts/seed/people.ts";
import { type SpawnedStart, spawnStart } from "../support/spawned-start.ts";

const READY = "Gatehouse is ready at";

function listRuntimes(parent: number): number[] {
  const table = execFileSync("ps", ["-eo", "pid=,ppid=,stat=,comm="], { encoding: "utf8" });
  return table
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(
      ([, ppid, stat, command]) => command === "workerd" && Number(ppid) === parent && !stat?.startsWith("Z"),
    )
    .map(([pid]) => Number(pid));
}

function isAlive(processId: number): boolean {
  try {
    return !execFileSync("ps", ["-o", "stat=", "-p", String(processId)], { encoding: "utf8" }).startsWith(
      "Z",
    );
  } catch {
    return false;
  }
}

/** Takes a port as soon as the killed database has left it. */
async function listenWhenFree(server: net.Server, port: number): Promise<void> {
  for (;;) {
    const isOurs = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => resolve(true));
    });
    if (isOurs) return;
  }
}

describe("npm start, npm run demo, and a second start", () => {
  let stateFolder = "";
  let port = 0;
  const running: SpawnedStart[] = [];

  function start(flags: string[] = []): SpawnedStart {
    const started = spawnStart(stateFolder, port, flags);
    running.push(started);
    return started;
  }

  beforeAll(async () => {
    stateFolder = await mkdtemp(path.join(os.tmpdir(), "gatehouse-start-test-"));
    // The account that the database server runs as enters it too.
    await chmod(stateFolder, 0o755);
    port = await pickPort();
  });

  /** Process and port of the demonstration's database, from its own note. */
  async function readDatabaseNote(): Promise<{ processId: number; port: number }> {
    const lines = (await readFile(path.join(stateFolder, "demonstration/data/postmaster.pid"), "utf8")).split(
      "\n",
    );
    return { processId: Number(lines[0]), port: Number(lines[3]) };
  }

  afterEach(async () => {
    // SIGTERM and not SIGKILL: a failed test must not leave runtimes on the port of the next.
    for (const started of running.splice(0)) await started.end("SIGTERM");
  });

  afterAll(async () => {
    // A start that is stopped while it makes its database kills initdb, whose own child may still write its last file.
    await rm(stateFolder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  });

  it("reports that no server answers, and exits with 1, when the demo finds none", async () => {
    const demo = await runNode("scripts/demo.ts", [], {
      env: { PORT: String(port), GATEHOUSE_URL: undefined },
    });
    expect(demo.code).toBe(1);
    expect(demo.stderr).toContain(`No Gatehouse answers at http://localhost:${port}.`);
    expect(demo.stderr).toContain("npm start");
    expect(demo.stderr).not.toContain("    at ");
  });

  it("repairs an interrupted load", async () => {
    // Large enough to report progress: at that line the load has begun, and most of it is left.
    const broken = start(["--contacts", "100000"]);
    await broken.printed("10 % of 100,000 contacts");
    expect(await broken.end("SIGINT")).toBe(130);

    const repaired = start();
    await repaired.printed(READY);
    expect(repaired.output()).toContain("The last start ended while it loaded crm");
    expect(await repaired.end("SIGINT")).toBe(0);
  });

  it("ends with a card, plays the whole demo in both generations, and stops without leaving a runtime", async () => {
    const started = start();
    await started.printed("Ctrl-C stops");
    const card = started.output();
    for (const { email } of DEMO_PEOPLE) expect(card).toContain(email);
    for (const text of [
      DEMO_PASSWORD,
      `claude mcp add --transport http gatehouse http://localhost:${port}/mcp`,
      "code --add-mcp",
      "cursor://",
      "@modelcontextprotocol/inspector",
      `mcp-remote http://localhost:${port}/mcp`,
      `http://localhost:${port}/mcp/demoshop`,
    ]) {
      expect(card).toContain(text);
    }
    expect(card).not.toContain("Loading");

    const demo = await runNode("scripts/demo.ts", [], {
      env: { PORT: String(port), GATEHOUSE_URL: undefined },
    });
    expect(demo.stderr).toBe("");
    expect(demo.code).toBe(0);
    expect(demo.stdout).toMatch(/sessionful \(2025-11-25\)/);
    expect(demo.stdout).toMatch(/stateless \(2026-07-28\)/);
    for (const url of ["/mcp:", "/mcp/analytics:", "/mcp/crm:", "/mcp/knowledge:", "/mcp/demoshop:"])
      expect(demo.stdout).toContain(url);
    // Its own PostgreSQL answers both default tools and a named query, in both generations.
    expect(demo.stdout.match(/← \w\w leads with \d+(\.\d+)? EUR/g)).toHaveLength(2);
    expect(demo.stdout.match(/← .+ sells best, \d+ pieces/g)).toHaveLength(2);
    const tools = new Set([...demo.stdout.matchAll(/→ (\w+) \{/g)].map(([, tool]) => tool));
    expect(tools.size).toBeGreaterThanOrEqual(8);

    const runtimes = listRuntimes(started.processId);
    expect(runtimes.length).toBeGreaterThan(0);
    const children = [...runtimes, (await readDatabaseNote()).processId];
    expect(children.filter(isAlive)).toEqual(children);
    expect(await started.end("SIGTERM")).toBe(0);
    expect(children.filter(isAlive)).toEqual([]);
    expect(await readdir(stateFolder)).not.toContain("gatehouse.pid");
  });

  it("leaves no runtime and no database when it is killed, and finds the database another port", async () => {
    const killed = start();
    await killed.printed(READY);
    // The runtime's own end of this connection: it closes when the runtime ends.
    const connection = net.connect(port, "localhost");
    const gone = new Promise((resolve) => connection.once("close", resolve).resume());
    await new Promise<void>((resolve) => connection.once("connect", resolve));
    const runtimes = listRuntimes(killed.processId);
    const database = await readDatabaseNote();
    await killed.end("SIGKILL");
    await gone;
    expect(runtimes.length).toBeGreaterThan(0);
    const other = net.createServer();
    await listenWhenFree(other, database.port);

    const next = start();
    await next.printed(READY);
    expect([...runtimes, database.processId].filter(isAlive)).toEqual([]);
    expect((await readDatabaseNote()).port).not.toBe(database.port);
    const tested = await runNode("scripts/connections.ts", ["test", "--state", stateFolder]);
    expect(tested.stdout).toContain("✓ demoshop: PostgreSQL");
    expect(await next.end("SIGTERM")).toBe(0);
    await new Promise((resolve) => other.close(resolve));
  });

  it("keeps the data, reports that other sizes need a reset, and starts with empty storage after one", async () => {
    const kept = start(["--contacts", "150"]);
    await kept.printed(READY);
    expect(kept.output()).toContain("Kept the CRM as loaded before (contacts=2000)");
    expect(kept.output()).not.toContain("Loading");
    await kept.end("SIGINT");

    const emptied = start(["--reset"]);
    await emptied.printed("Loading the CRM");
    expect(await emptied.end("SIGINT")).toBe(130);
  });

  it("names a busy port and the remedy, and starts nothing", async () => {
    const other = net.createServer();
    await new Promise<void>((resolve) => other.listen(port, "127.0.0.1", resolve));
    try {
      const refused = start();
      expect(await refused.ended).toBe(1);
      expect(refused.output()).toContain(`Port ${port} is in use by another program.`);
      expect(refused.output()).toMatch(/PORT=\d+ npm start/);
      expect(refused.output()).not.toContain("    at ");
    } finally {
      await new Promise((resolve) => other.close(resolve));
    }
  });

  it("refuses storage that another Gatehouse uses", async () => {
    const first = start();
    await first.printed("• ");
    const second = spawnStart(stateFolder, await pickPort());
    running.push(second);
    expect(await second.ended).toBe(1);
    expect(second.output()).toContain(
      `Gatehouse already runs on ${stateFolder} (process ${first.processId}).`,
    );
    await first.end("SIGINT");
  });

  it.each([
    [["--contacts", "2000000"], "--contacts 2000000 is not possible."],
    [["--sunshine"], "start does not take --sunshine."],
  ])("refuses %j with one sentence", async (flags, sentence) => {
    const refused = start(flags);
    expect(await refused.ended).toBe(1);
    expect(refused.output()).toContain(sentence);
    expect(refused.output()).not.toContain("    at ");
  });
});
