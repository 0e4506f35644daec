import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { readDefinitions, storeDefinitions } from "../../shared/connections/definition-store.ts";
import type { Definition } from "../../shared/connections/definitions.ts";

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
