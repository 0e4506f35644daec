import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { listServers } from "../../workers/servers.ts";
import { LANES, openSession, type TestSession } from "../support/session.ts";
import { DEFINED, replaceRole, SCOPES } from "./random-policy.ts";

const globs = (names: readonly { name: string }[]) =>
  fc.uniqueArray(fc.constantFrom("*", "crm_*", "*_list_*", "search", ...names.map(({ name }) => name)), {
    maxLength: 6,
  });

const parts = fc.record({
  scopes: fc.subarray([...SCOPES, "*"]),
  allowed_tools: globs(DEFINED.tool),
  denied_tools: globs(DEFINED.tool),
  allowed_prompts: globs(DEFINED.prompt),
  denied_prompts: globs(DEFINED.prompt),
  allowed_resources: globs(DEFINED.resource),
  denied_resources: globs(DEFINED.resource),
});

/** Tried first: random parts may show nothing at all. */
const EVERYTHING = {
  scopes: ["*"],
  allowed_tools: ["*"],
  denied_tools: [],
  allowed_prompts: ["*"],
  denied_prompts: [],
  allowed_resources: ["*"],
  denied_resources: [],
};

const RESOURCES = listServers().flatMap(({ resources }) => resources);

const isForbidden = (answer: unknown) => JSON.stringify(answer ?? null).includes("forbidden");
const names = (items: readonly { name: string }[]) => items.map(({ name }) => name).sort();

async function callableTools(session: TestSession): Promise<string[]> {
  const callable: string[] = [];
  for (const { name } of DEFINED.tool) {
    // An argument that no tool has: an allowed call gets as far as its refusal.
    const { error } = await session.call(name, { no_such_argument: 1 });
    if (error?.code !== "forbidden") callable.push(name);
  }
  return callable.sort();
}

async function usablePrompts(session: TestSession): Promise<string[]> {
  const usable: string[] = [];
  for (const { name } of DEFINED.prompt) {
    const { error } = await session.request("prompts/get", { name, arguments: { no_such_argument: "1" } });
    if (!isForbidden(error)) usable.push(name);
  }
  return usable.sort();
}

describe.each(LANES)("invariant 2: what is listed can be called, and the reverse, on the %s lane", (lane) => {
  it("under random policies: tools, prompts, resources and completion", async () => {
    let shown = 0;
    await fc.assert(
      fc.asyncProperty(parts, async (given) => {
        replaceRole("editor", {});
        const session = await openSession({ server: "", lane, as: `vis_${lane}`, role: "editor" });
        replaceRole("editor", given);
        const tools = names(await session.listTools()).filter((name) => !name.startsWith("context_"));
        expect(await callableTools(session)).toEqual(tools);

        const prompts = names((await session.request("prompts/list")).result.prompts);
        expect(await usablePrompts(session)).toEqual(prompts);
        for (const { name } of DEFINED.prompt) {
          const ref = { type: "ref/prompt", name };
          const argument = { name: "customer", value: "a" };
          const { error } = await session.request("completion/complete", { ref, argument });
          expect(isForbidden(error), name).toBe(!prompts.includes(name));
        }

        const templates: { name: string; uriTemplate: string }[] = (
          await session.request("resources/templates/list")
        ).result.resourceTemplates;
        const fixed: { uri: string }[] = await session.listResources();
        for (const { uri } of fixed.slice(0, 10)) expect((await session.readResource(uri)).length).toBe(1);
        const listed = new Set([...templates.map(({ name }) => name), ...fixed.map(({ uri }) => uri)]);
        for (const { name, uri, uriTemplate = "" } of RESOURCES) {
          const address = uri ?? uriTemplate.replaceAll(/\{[^}]+\}/g, "no-such-member");
          const { error } = await session.request("resources/read", { uri: address });
          expect(isForbidden(error), name).toBe(!listed.has(uri ?? name));
        }
        shown += tools.length + prompts.length + templates.length;
      }),
      { numRuns: 6, examples: [[EVERYTHING]] },
    );
    expect(shown).toBeGreaterThan(0);
  }, 60_000);
});
