import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { listLoaders } from "../../scripts/local/demonstration.ts";
import { prepareDatabases } from "../../scripts/local/prepare.ts";
import { runNode } from "../../scripts/local/process.ts";
import { type LocalServer, startServer } from "../../scripts/local/server.ts";
import { startMcpServers } from "../support/mcp-servers/start.ts";

const PERSON = "admin@gatehouse.example";

let folder = "";
let there = "";
let server: LocalServer | undefined;

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
  folder = await mkdtemp(path.join(os.tmpdir(), "gatehouse-exchange-test-"));
  const { host } = await startMcpServers();
  there = `http://${host}/trust-desk`;
  await writeFile(path.join(folder, "connections.yaml"), "connections: {}\n");
  const stateFolder = path.join(folder, "state");
  const { PLATFORM_DB } = listLoaders({ contacts: 1, events: 1 });
  await prepareDatabases({
    stateFolder,
    loaders: PLATFORM_DB ? { PLATFORM_DB } : {},
    step: (_title, work) => work(() => undefined),
    note: () => undefined,
  });
  server = await startServer({
    ...{ port: await findFreePort(), stateFolder, watch: false, onLine: () => undefined },
    vars: { PLAIN_HTTP_UPSTREAMS: host },
  });
});

afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

it("connections add, doctor, test and review lead to a server that trusts Gatehouse, without a secret", async () => {
  const about = ["--title", "Desk", "--description", "Requests of each person.", "--owner", "tests"];
  const auth = ["--auth", "token_exchange", "--token-endpoint", `${there}/token`, "--issuer", there];
  const address = ["--kind", "mcp", "--web-address", `${there}/mcp`];
  const added = await run("add", "desk", ...address, ...about, ...auth, "--client-id", "gatehouse");
  expect(added.code, added.output).toBe(0);
  expect(added.output).toContain("✓ desk: a token is exchanged for each person.");
  expect(added.output).toMatch(/key set +http:\/\/localhost:\d+\/\.well-known\/jwks\.json/);
  expect(added.output).toContain("Next: npm run connections -- review desk --person you@example.com");
  expect(await readFile(path.join(folder, "connections.yaml"), "utf8")).toContain("type: token_exchange");

  const told = await run("doctor", "desk");
  expect(told.code, told.output).toBe(0);
  expect(told.output).toContain("What the authorization server of desk has to trust:");
  expect(told.output).toContain("client          gatehouse (private_key_jwt)");
  expect(told.output).toContain("doctor desk --person <e-mail address>");

  const untrusted = await run("test", "desk", "--person", PERSON);
  expect(untrusted.code).toBe(1);
  expect(untrusted.output).toContain(
    "The token endpoint of Desk does not accept what Gatehouse says of the person.",
  );
  const [, issuer = ""] = /issuer +(http\S+)/.exec(told.output) ?? [];
  const set = await (await fetch(new URL("/.well-known/jwks.json", server?.url))).json();
  await fetch(`${there}/keys`, { method: "POST", body: JSON.stringify({ issuer, set }) });
  await fetch(`${there}/control`, {
    method: "POST",
    body: JSON.stringify({ client: { id: "gatehouse" } }),
  });

  // The failed exchange pauses for this person; another one is asked for at once.
  const tested = await run("test", "desk", "--person", "editor@gatehouse.example");
  expect(tested.code, tested.output).toBe(0);
  expect(tested.output).toContain("✓ desk: trusting 1 (MCP 2025-11-25)");
  const reviewed = await run("review", "desk", "--person", "editor@gatehouse.example");
  expect(reviewed.output).toContain("+ tool whoami (new), offered as desk_whoami");
}, 300_000);
