import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { isVisible } from "../../shared/guard/decide.ts";
import { createCatalogue } from "../../shared/server/catalogue.ts";
import { defineServer, type OfferedTool } from "../../shared/server/define.ts";
import { followCall } from "../../shared/server/search/forwarded-call.ts";
import { buildPolicy } from "../policy/build-policy.ts";

const VERBS = ["list", "get", "create", "update", "delete"] as const;
const THINGS = ["pet", "owner", "visit", "invoice", "vaccine", "room", "payment", "note"];

/** A server with 40 tools, which are found by search. */
const zoo = defineServer({
  name: "zoo",
  title: "Zoo",
  description: "Animals and their people.",
  instructions: "",
  scopes: { "zoo:read": "Read", "zoo:write": "Write", "zoo:delete": "Delete" },
  baseline: "zoo:read",
  defaults: z.object({}),
  searched: { pinned: ["zoo_get_pet"] },
  store: () => ({}),
  tools: THINGS.flatMap((thing) =>
    VERBS.map((verb) => ({
      name: `zoo_${verb}_${thing}`,
      title: `${verb} ${thing}s`,
      description: `Will ${verb} the ${thing}s of the zoo.`,
      effect: verb === "list" || verb === "get" ? ("read" as const) : verb,
      scope: verb === "list" || verb === "get" ? "zoo:read" : verb === "delete" ? "zoo:delete" : "zoo:write",
      input: z.object({ id: z.string().optional() }),
      run: async () => [],
    })),
  ),
  resources: [],
  prompts: [],
});

const catalogue = createCatalogue("zoo", "Zoo", [zoo]);
const tools = [...catalogue.tools.values()].filter(({ subject }) => subject.scope !== "session");

/** What a caller of a role with these rules is offered. */
function offeredTo(denied: readonly string[], scopes: readonly string[]): OfferedTool[] {
  const policy = buildPolicy({ denied_tools: [...denied] });
  const caller = { role: "worker", scopes: [...scopes], ip: null, country: null, mfaAt: null };
  return tools
    .filter(({ subject }) => isVisible(policy, caller, subject))
    .map((entry) => ({ ...entry.definition, listed: () => entry.listed }));
}

async function call(name: "tools_find" | "tools_describe", input: object, offered: readonly OfferedTool[]) {
  const tool = catalogue.tools.get(name)?.definition;
  return (await tool?.run(tool.input.parse(input), { offered: () => offered } as never)) as {
    tools: { name: string }[];
  };
}

const glob = fc.oneof(
  fc.constantFrom(...tools.map(({ subject }) => subject.name)),
  fc.constantFrom("zoo_delete_*", "zoo_*_invoice", "zoo_list_*", "*pet*", "zoo_create_*", "*"),
);

describe("Tool search", () => {
  it("never finds or describes what the policy denies, whatever is asked", async () => {
    const words = fc.array(fc.constantFrom(...VERBS, ...THINGS, "zoo", "remove", "all", "who", "…", "日本"), {
      minLength: 1,
      maxLength: 6,
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(glob, { maxLength: 4 }),
        words,
        fc.boolean(),
        async (denied, query, writes) => {
          const offered = offeredTo(denied, writes ? ["zoo:read", "zoo:write"] : ["zoo:read"]);
          const allowed = new Set(offered.map(({ name }) => name));
          const found = await call("tools_find", { query: query.join(" "), limit: 20 }, offered);
          expect(found.tools.filter(({ name }) => !allowed.has(name))).toEqual([]);
          for (const { subject } of tools) {
            if (allowed.has(subject.name)) continue;
            const refusal = await call("tools_describe", { names: [subject.name] }, offered).catch(
              (error: Error) => error.message,
            );
            const invented = await call("tools_describe", { names: [`${subject.name}x`] }, offered).catch(
              (error: Error) => error.message,
            );
            // A name that is denied reads as one that does not exist.
            expect(String(refusal).split(" Closest")[0]).toBe(
              `There is no tool "${subject.name}" for you here.`,
            );
            expect(String(invented).split(" Closest")[0]).toBe(
              `There is no tool "${subject.name}x" for you here.`,
            );
            expect(String(refusal)).not.toMatch(
              new RegExp(
                `Closest.*\\b(?:${[...tools]
                  .map((one) => one.subject.name)
                  .filter((name) => !allowed.has(name))
                  .join("|")})\\b`,
              ),
            );
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it("calls the named tool as itself, never another one that calls", () => {
    const called = followCall(catalogue, "tools_write", { name: "zoo_create_pet", arguments: { id: "1" } });
    expect(called).toMatchObject({
      entry: { subject: { name: "zoo_create_pet", effect: "create" } },
      args: { id: "1" },
    });
    expect(followCall(catalogue, "tools_read", { name: "tools_write", arguments: {} })).toMatchObject({
      unknown: "tools_write",
    });
    const [any] = tools as [(typeof tools)[number]];
    const composing = { ...any, definition: { ...any.definition, composes: true as const } };
    const withCode = { tools: new Map([...catalogue.tools, ["tools_run_code", composing]]) };
    expect(followCall(withCode, "tools_write", { name: "tools_run_code" })).toMatchObject({
      unknown: "tools_run_code",
    });
    expect(followCall(withCode, "tools_run_code", {})).toMatchObject({ entry: composing });
    expect(followCall(catalogue, "tools_read", { name: 7 })).toMatchObject({ unknown: "" });
    expect(followCall(catalogue, "zoo_get_pet", { name: "zoo_delete_pet" })).toMatchObject({
      entry: { subject: { name: "zoo_get_pet" } },
    });
    expect(followCall(catalogue, "nothing", {})).toBeUndefined();
  });

  it("finds by meaning, synonyms and spelling of names", async () => {
    const offered = offeredTo([], ["zoo:read", "zoo:write", "zoo:delete"]);
    const first = async (query: string) => (await call("tools_find", { query }, offered)).tools[0]?.name;
    expect(await first("remove an invoice")).toBe("zoo_delete_invoice");
    expect(await first("list all bills")).toBe("zoo_list_invoice");
    expect(await first("createVaccine")).toBe("zoo_create_vaccine");
    expect((await call("tools_find", { query: "¿?" }, offered)).tools).toEqual([]);
  });
});

describe("the labels of a tool", () => {
  const labelsOf = (tool: object, server: object = {}) => {
    const shape = { name: "own_tool", title: "T", description: "D", scope: "own:read", input: z.object({}) };
    const definition = defineServer({
      ...{ name: "own", title: "Own", description: "D", instructions: "I", scopes: { "own:read": "R" } },
      ...{ baseline: "own:read", defaults: z.object({}), store: () => ({}), resources: [], prompts: [] },
      tools: [{ ...shape, effect: "read", run: async () => [], ...tool } as never],
      ...server,
    });
    const { reads, sends } = createCatalogue("own", "Own", [definition]).tools.get("own_tool")?.subject ?? {};
    return { reads, sends };
  };

  it("are those of its definition, then of its server, and of another system for one that reaches others", () => {
    expect(labelsOf({})).toEqual({ reads: [], sends: "nothing" });
    expect(labelsOf({}, { reads: ["private"] })).toEqual({ reads: ["private"], sends: "nothing" });
    expect(labelsOf({ openWorld: true })).toEqual({ reads: ["untrusted"], sends: "nothing" });
    expect(labelsOf({ openWorld: true, effect: "create" })).toEqual({
      reads: ["untrusted"],
      sends: "outside",
    });
    expect(
      labelsOf({ openWorld: true, effect: "create", reads: [], sends: "nothing" }, { reads: ["private"] }),
    ).toEqual({
      reads: [],
      sends: "nothing",
    });
  });
});
