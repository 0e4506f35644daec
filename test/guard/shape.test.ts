import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { JsonValue } from "../../shared/encoding/json.ts";
import { ContextRecorder } from "../../shared/guard/context-recorder.ts";
import { ANSWER_LIMIT, shapeAnswer } from "../../shared/guard/shape.ts";
import { bundledPolicy } from "../../shared/policy/bundled.ts";
import { masksOf } from "../../shared/policy/masks.ts";
import { defineTool, type ToolContext, type ToolDefinition } from "../../shared/server/define.ts";
import { emptyContext } from "../../shared/session/context.ts";
import type { SessionMemory } from "../../shared/session/session-memory.ts";

const listTool = defineTool({
  name: "list_things",
  title: "List",
  description: "Lists things.",
  effect: "read",
  scope: "x:read",
  input: z.object({}),
  output: z.object({ total: z.number(), rows: z.array(z.string()) }),
  overflow: "rows",
  async run(_input, _context: ToolContext<null>) {
    return { total: 0, rows: [] };
  },
}) as unknown as ToolDefinition;

/** A session memory that records its writes. */
function memory(): { home: SessionMemory; kept: Map<string, readonly JsonValue[]> } {
  const kept = new Map<string, readonly JsonValue[]>();
  const home: SessionMemory = {
    read: async () => emptyContext(),
    apply: async () => {},
    keepResult: async ({ handle }, rows) => void kept.set(handle, rows),
    readResult: async () => null,
  };
  return { home, kept };
}

const shape = (raw: unknown, home: SessionMemory, tool = listTool) =>
  shapeAnswer(tool, raw, new ContextRecorder(emptyContext()), home, new Date(), {
    rules: masksOf(bundledPolicy(), "admin"),
    schemaOf: () => undefined,
    input: {},
  });

describe("shaping an answer", () => {
  it("never exceeds the limit, shows a prefix, and stores every row behind the handle", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string({ maxLength: 400 }), { maxLength: 400 }), async (rows) => {
        const { home, kept } = memory();
        const { structuredContent } = await shape({ total: rows.length, rows }, home);
        expect(JSON.stringify(structuredContent).length).toBeLessThanOrEqual(ANSWER_LIMIT);
        const { rows: shown, more } = structuredContent as {
          rows: string[];
          more?: { handle: string; total: number };
        };
        expect(rows.slice(0, shown.length)).toEqual(shown);
        if (more) expect(kept.get(more.handle)).toEqual(rows);
        else expect(shown).toEqual(rows);
      }),
      { numRuns: 60 },
    );
  });

  it("sends a text copy of exactly the structured content", async () => {
    const { structuredContent, content } = await shape({ total: 1, rows: ["a"] }, memory().home);
    expect(content).toEqual([{ type: "text", text: JSON.stringify(structuredContent) }]);
  });

  it("refuses a single row over the limit, with a remedy", async () => {
    const huge = { total: 1, rows: ["x".repeat(ANSWER_LIMIT + 1)] };
    await expect(shape(huge, memory().home)).rejects.toMatchObject({
      code: "result_too_large",
      suggestedAction: expect.stringContaining("Narrow"),
    });
  });

  it("says of a change in another system that the call was made when its answer cannot be given", async () => {
    const changes = { ...listTool, title: "Rename", effect: "update" as const, openWorld: true };
    const relays = { ...changes, relays: true as const };
    const huge = { total: 1, rows: ["x".repeat(ANSWER_LIMIT + 1)] };
    const other = { content: [], structuredContent: { total: "many" } };
    for (const [tool, raw, code] of [
      [changes, huge, "result_too_large"],
      [relays, other, "unavailable"],
    ] as const) {
      const said = await shape(raw, memory().home, tool).catch((failure: unknown) => failure);
      expect(said).toMatchObject({ code, suggestedAction: "Look at the data in the other system." });
      expect((said as Error).message).toMatch(/^.+\. The call was made: do not repeat it\.$/);
    }
    const read = shape(other, memory().home, { ...relays, effect: "read" });
    await expect(read).rejects.toThrow("Rename answered outside of the schema that it declares.");
  });

  it("gives the structured content of a failure in another system, unless it is outside of the schema", async () => {
    const relays = { ...listTool, relays: true as const };
    const failure = { content: [{ type: "text" as const, text: "No." }], isError: true };
    const within = { ...failure, structuredContent: { total: 0, rows: [] } };
    expect(await shape(within, memory().home, relays)).toEqual(within);
    const outside = { ...failure, structuredContent: { total: "many" } };
    expect(await shape(outside, memory().home, relays)).toEqual(failure);
  });

  it("drops undeclared fields", async () => {
    const { structuredContent } = await shape({ total: 0, rows: [], password: "hunter2" }, memory().home);
    expect(structuredContent).toEqual({ total: 0, rows: [] });
  });

  it("treats an answer outside of the schema as an internal error", async () => {
    await expect(shape({ total: "many", rows: [] }, memory().home)).rejects.toBeInstanceOf(TypeError);
  });
});
