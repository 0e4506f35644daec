import { env } from "cloudflare:workers";
import { expect, it, vi } from "vitest";
import { readDefinitions, storeDefinitions } from "../../shared/connections/definition-store.ts";
import type { Definition } from "../../shared/connections/definitions.ts";
import { mcpEntry } from "../../shared/connections/kinds/mcp.ts";
import { ListBudget } from "../../workers/connections/mcp/list-budget.ts";
import { DefinitionWatch } from "../../workers/connections/mcp/watch.ts";
import { approveDefinitions, listFound, storeFound } from "../../workers/connections/review/found.ts";

const named = (name: string, size = 10): Definition => ({
  type: "tool",
  name,
  description: "x".repeat(size),
});

it("gives back the definitions that were stored, and keeps each part once", async () => {
  const given = ["one", "two", "three", "four"].map((name) => named(name, 300_000));
  const digests = await storeDefinitions(env.PLATFORM_DB, given, 1);
  expect(await storeDefinitions(env.PLATFORM_DB, [...given].reverse(), 2)).toEqual(digests);
  expect(digests).toHaveLength(2);
  const sorted = (all: Definition[]) => all.map(({ name }) => name).sort();
  expect(sorted(await readDefinitions(env, digests))).toEqual(sorted(given));
  await env.PLATFORM_DB.prepare("DELETE FROM definition_part").run();
  // The copies of KV are enough.
  expect(await readDefinitions(env, digests)).toHaveLength(4);
});

it("refuses a part that is missing, or whose copy is another text", async () => {
  const [digest = ""] = await storeDefinitions(env.PLATFORM_DB, [named("real")], 1);
  await env.OAUTH_KV.put(`definitions:${digest}`, '[{"type":"tool","name":"forged"}]');
  expect((await readDefinitions(env, [digest])).map(({ name }) => name)).toEqual(["real"]);
  await expect(readDefinitions(env, ["0".repeat(64)])).rejects.toThrow(/not in the database/);
  const change = env.PLATFORM_DB.prepare("UPDATE definition_part SET document = '[]' WHERE digest = ?").bind(
    digest,
  );
  await expect(change.run()).rejects.toThrow(/never change/);
});

const waitingOf = async (connection: string) =>
  (await listFound(env.PLATFORM_DB, connection)).filter(({ state }) => state === "waiting");

it("keeps one waiting definition of a name, beside the approved one, however often it changes", async () => {
  await storeFound(env.PLATFORM_DB, "fickle", [named("pay", 1)], 1);
  const [first] = await waitingOf("fickle");
  await approveDefinitions(env.PLATFORM_DB, "fickle", [first?.digest ?? ""], { by: "tests", now: 2 });
  for (let look = 2; look < 12; look += 1) {
    const fresh = await storeFound(env.PLATFORM_DB, "fickle", [named("pay", look), named("see", look)], look);
    expect(fresh).toHaveLength(2);
  }
  expect((await waitingOf("fickle")).map(({ name, seenAt }) => [name, seenAt])).toEqual([
    ["pay", 11],
    ["see", 11],
  ]);
  const approved = (await listFound(env.PLATFORM_DB, "fickle")).filter(({ state }) => state === "approved");
  expect(approved.map(({ digest }) => digest)).toEqual([first?.digest]);
});

it("keeps at most 5,000 waiting definitions of a server that invents names", async () => {
  const invent = (look: number) => Array.from({ length: 1_500 }, (_, at) => named(`t${look}x${at}`));
  for (let look = 1; look <= 4; look += 1) await storeFound(env.PLATFORM_DB, "inventive", invent(look), look);
  const waiting = await waitingOf("inventive");
  expect(waiting).toHaveLength(5_000);
  expect(waiting.filter(({ seenAt }) => seenAt === 4)).toHaveLength(1_500);
});

it("looks at a server at most once a minute, and stores what the entry exposes alone", async () => {
  const clock = vi.spyOn(Date, "now").mockReturnValue(10_000_000);
  const entry = mcpEntry.parse({
    ...{ kind: "mcp", title: "Pay", description: "Pays.", owner: "team" },
    reach: { url: "https://pay.example/mcp" },
    expose: { tools: ["pay*"] },
  });
  let looks = 0;
  const watch = new DefinitionWatch(env, { name: "looked", revision: "r", entry } as never, async () => {
    looks += 1;
    const tools = ["pay", "steal"].map((name) => ({ name, description: String(looks) }));
    return { tools, resources: [{ uri: "a://b", name: "b" }], templates: [], prompts: [] };
  });
  const check = () => watch.check("pay", "approved", "off").catch(() => null);
  for (let call = 0; call < 5; call += 1) {
    await check();
    watch.forget();
  }
  expect(looks).toBe(1);
  clock.mockReturnValue(10_060_001);
  await check();
  expect(looks).toBe(2);
  clock.mockRestore();
  const names = (await waitingOf("looked")).map(({ type, name }) => `${type} ${name}`);
  expect(names).toEqual(["resource a://b", "tool pay"]);
});

it("reads at most 5,000 items or 8 MB of a server's lists together", () => {
  const [many, large] = [new ListBudget(), new ListBudget()];
  expect(many.take(Array.from({ length: 3_000 }, () => 1))).toHaveLength(3_000);
  expect(many.isSpent).toBe(false);
  expect(many.take(Array.from({ length: 3_000 }, () => 1))).toHaveLength(2_000);
  expect(many.isSpent).toBe(true);
  expect(large.take(Array.from({ length: 10 }, () => "x".repeat(1_000_000)))).toHaveLength(7);
  expect(large.take([1])).toEqual([]);
});
