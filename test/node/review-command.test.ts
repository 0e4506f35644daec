import { afterAll, beforeAll, expect, it } from "vitest";
import { type LocalGateway, startLocalGateway } from "../support/local-gateway.ts";
import { startMcpServers } from "../support/mcp-servers/start.ts";

let gateway: LocalGateway;
let offer: (tools: readonly object[]) => Promise<unknown>;

const tool = (name: string, description: string) => ({
  name,
  description,
  inputSchema: { type: "object", properties: { text: { type: "string" } } },
});

const run = (...args: string[]) => gateway.runConnections(args);

beforeAll(async () => {
  const { host } = await startMcpServers();
  offer = (tools) => fetch(`http://${host}/set/team`, { method: "PUT", body: JSON.stringify(tools) });
  const entry = `connections:
  team:
    kind: mcp
    title: Team
    description: A server of the team.
    owner: tests
    reach: { url: "http://${host}/set/team" }
`;
  gateway = await startLocalGateway(host, entry);
});

afterAll(() => gateway.close());

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
