import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { prepareDatabases } from "../../scripts/local/prepare.ts";
import { runNode } from "../../scripts/local/process.ts";
import { type LocalServer, startServer } from "../../scripts/local/server.ts";
import { startMcpServers } from "../support/mcp-servers/start.ts";

let folder = "";
let server: LocalServer | undefined;
let offer: (tools: readonly object[]) => Promise<unknown>;

const tool = (name: string, description: string) => ({
  name,
  description,
  inputSchema: { type: "object", properties: { text: { type: "string" } } },
});

/** Runs the command as an operator does, with nothing on standard input. */
async function run(...args: string[]): Promise<{ code: number; output: string }> {
  const place = ["--file", path.join(folder, "connections.yaml"), "--state", path.join(folder, "state")];
  const { code, stdout, stderr } = await runNode(
    "scripts/connections.ts",
    [...args, ...place, "--url", server?.url ?? ""],
    { env: { NO_COLOR: "1" } },
  );
  return { code, output: stdout + stderr };
}

function findFreePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "localhost", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "gatehouse-review-test-"));
  const { host } = await startMcpServers();
  offer = (tools) => fetch(`http://${host}/set/team`, { method: "PUT", body: JSON.stringify(tools) });
  const stateFolder = path.join(folder, "state");
  await prepareDatabases({
    stateFolder,
    loaders: {},
    step: (_title, work) => work(() => undefined),
    note: () => undefined,
  });
  const entry = `connections:
  team:
    kind: mcp
    title: Team
    description: A server of the team.
    owner: tests
    reach: { url: "http://${host}/set/team" }
`;
  await writeFile(path.join(folder, "connections.yaml"), entry);
  server = await startServer({
    ...{ port: await findFreePort(), stateFolder, watch: false, onLine: () => undefined },
    vars: { PLAIN_HTTP_UPSTREAMS: host },
  });
});

afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

it("connections review shows what waits and how it changed, approve takes what is named, and no foreign text reaches the terminal raw", async () => {
  await offer([tool("greet", "Greets.\u001b[2J\u202e"), tool("part", "Says goodbye.")]);
  const first = await run("review", "team", "--new-address");
  expect(first.code, first.output).toBe(0);
  expect(first.output).toContain("team: 2 new, 0 changed");
  expect(first.output).toContain("+ tool greet (new), offered as team_greet");
  for (const raw of ["\u001b", "\u202e"]) expect(first.output).not.toContain(raw);
  expect(first.output).toContain("Approve: npm run connections -- approve team");

  const unknown = await run("approve", "team", "nothing", "--new-address");
  expect([unknown.code, unknown.output]).toEqual([
    1,
    expect.stringContaining("Nothing with this name waits"),
  ]);
  const approved = await run("approve", "team", "greet", "--new-address");
  expect(approved.output).toContain("✓ 1 approved.");

  await offer([tool("greet", "Greets loudly."), tool("part", "Says goodbye.")]);
  const second = await run("review", "team", "--new-address");
  expect(second.output).toContain("team: 1 new, 1 changed");
  expect(second.output).toContain("~ tool greet (changed)");
  expect(second.output).toContain('+ "Greets loudly."');
  expect((await run("approve", "team", "--all", "--new-address")).output).toContain("✓ 2 approved.");
}, 300_000);
