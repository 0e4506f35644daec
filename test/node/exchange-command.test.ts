import { readFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { listLoaders } from "../../scripts/local/demonstration.ts";
import { type LocalGateway, startLocalGateway } from "../support/local-gateway.ts";
import { startMcpServers } from "../support/mcp-servers/start.ts";

const PERSON = "admin@gatehouse.example";

let there = "";
let gateway: LocalGateway;

const run = (...args: string[]) => gateway.runConnections(args);

beforeAll(async () => {
  const { host } = await startMcpServers();
  there = `http://${host}/trust-desk`;
  const { PLATFORM_DB } = listLoaders({ contacts: 1, events: 1 });
  gateway = await startLocalGateway(host, undefined, PLATFORM_DB ? { PLATFORM_DB } : {});
});

afterAll(() => gateway.close());

it("connections add, doctor, test and review lead to a server that trusts Gatehouse, without a secret", async () => {
  const about = ["--title", "Desk", "--description", "Requests of each person.", "--owner", "tests"];
  const auth = ["--auth", "token_exchange", "--token-endpoint", `${there}/token`, "--issuer", there];
  const address = ["--kind", "mcp", "--web-address", `${there}/mcp`];
  const added = await run("add", "desk", ...address, ...about, ...auth, "--client-id", "gatehouse");
  expect(added.code, added.output).toBe(0);
  expect(added.output).toContain("✓ desk: a token is exchanged for each person.");
  expect(added.output).toMatch(/key set +http:\/\/localhost:\d+\/\.well-known\/jwks\.json/);
  expect(added.output).toContain("Next: npm run connections -- review desk --person you@example.com");
  expect(await readFile(path.join(gateway.folder, "connections.yaml"), "utf8")).toContain(
    "type: token_exchange",
  );

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
  const set = await (await fetch(new URL("/.well-known/jwks.json", gateway.url))).json();
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
