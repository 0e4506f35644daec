import { z } from "zod";
import { ToolError } from "../call/tool-error.ts";
import type { JsonValue } from "../encoding/json.ts";
import { SESSION_SCOPE } from "../policy/decide.ts";
import { applyOperation, CONTEXT_LIMITS, type ContextOperation, emptyContext } from "../session/context.ts";
import type { SessionMemory } from "../session/session-memory.ts";
import { defineTool, type ToolContext, type ToolDefinition } from "./define.ts";
import { forgiveArguments } from "./forgive-arguments.ts";
import { describeIssues } from "./schema.ts";

const ENTITY = z.object({ type: z.string(), id: z.string(), label: z.string() });
/** Any JSON value. A full schema would be recursive, and hosts refuse a list that contains one. */
const ANYTHING = z.unknown() as z.ZodType<JsonValue>;
const OWN_WORDS = { classification: "internal" };
const PARTS = ["defaults", "entities", "handles", "notes"] as const;

/** The session's memory as the three tools show it. */
const STATE = z.object({
  // The session's memory has masked both for its reader; masking again would hide what this call itself set.
  defaults: z.record(z.string(), ANYTHING).meta(OWN_WORDS),
  entities: z.array(ENTITY),
  notes: z.array(z.string()).meta(OWN_WORDS),
  handles: z.array(z.object({ handle: z.string(), tool: z.string(), rows: z.number().int() })),
  forgotten: z.number().int().describe("How many old entries were compacted away."),
});

/**
 * `context_get`, `context_set` and `context_clear`, which every server has.
 *
 * @param defaults - session defaults of the URL's servers, one optional field each
 */
export function contextTools(
  defaults: z.ZodObject,
): ToolDefinition<z.ZodObject, z.ZodObject | undefined, SessionMemory>[] {
  return [getTool(), setTool(defaults), clearTool()] as unknown as ToolDefinition<
    z.ZodObject,
    z.ZodObject | undefined,
    SessionMemory
  >[];
}

function getTool() {
  return defineTool({
    name: "context_get",
    title: "Read session memory",
    description:
      "Shows this session's defaults, recently used items, notes and kept results. With a handle, reads the next rows of a long result.",
    effect: "read",
    scope: SESSION_SCOPE,
    recalls: true,
    input: z.object({
      handle: z.string().max(80).optional().describe("A result handle from `more.handle`."),
      offset: z.number().int().min(0).default(0).describe("First row to read of the handle."),
      limit: z.number().int().min(1).max(200).default(50).describe("How many rows to read."),
    }),
    output: STATE.partial().extend({
      rows: z.array(ANYTHING).optional(),
      total: z.number().int().optional(),
      next_offset: z.number().int().optional().describe("Offset of the next page; absent on the last one."),
    }),
    async run({ handle, offset, limit }, { store }: ToolContext<SessionMemory>) {
      if (handle === undefined) return describe(store);
      const page = await store.readResult(handle, offset, limit);
      if (!page) {
        throw new ToolError("not_found", "No result with this handle is kept in this session.", {
          suggestedAction: "Repeat the call that produced the result.",
        });
      }
      const next = offset + page.rows.length;
      return { rows: page.rows, total: page.total, ...(next < page.total && { next_offset: next }) };
    },
  });
}

function setTool(defaults: z.ZodObject) {
  const known = Object.keys(defaults.shape);
  const clearable = z.strictObject(
    Object.fromEntries(
      known.map((name) => [name, (defaults.shape[name] as z.ZodType).nullable().optional()]),
    ),
  );
  return defineTool({
    name: "context_set",
    title: "Set session memory",
    description:
      "Sets defaults that later calls inherit when they leave the argument out, and keeps a short note. Set a default to null to remove it.",
    effect: "update",
    idempotent: false,
    scope: SESSION_SCOPE,
    input: z.object({
      // The values are those of the tools' own arguments; listing their schemas again would only cost tokens.
      defaults: z
        .record(z.string(), ANYTHING)
        .optional()
        .describe(known.length > 0 ? `Any of: ${known.join(", ")}.` : "This server has no defaults."),
      note: z
        .string()
        .min(1)
        .max(CONTEXT_LIMITS.noteLength)
        .optional()
        .describe("A note to keep in this session."),
    }),
    output: STATE.pick({ defaults: true, notes: true }),
    async run(input, { store }: ToolContext<SessionMemory>) {
      const operations: ContextOperation[] = [];
      if (input.defaults) {
        const checked = clearable.safeParse(forgiveArguments(clearable, input.defaults));
        if (!checked.success) {
          throw new ToolError("invalid_input", describeIssues(checked.error), {
            suggestedAction: `The defaults of this server are: ${known.join(", ")}.`,
          });
        }
        operations.push({ kind: "set_defaults", defaults: defined(checked.data) });
      }
      if (input.note !== undefined) operations.push({ kind: "note", text: input.note });
      if (operations.length === 0) throw new ToolError("invalid_input", "Give defaults, a note, or both.");
      await store.apply(operations);
      const memory = await store.read();
      // Values that this call set are returned as stored; earlier values are masked for the reader.
      const said = operations.reduce(applyOperation, emptyContext());
      const before = memory.notes.slice(0, memory.notes.length - said.notes.length);
      return { defaults: { ...memory.defaults, ...said.defaults }, notes: [...before, ...said.notes] };
    },
  });
}

function clearTool() {
  return defineTool({
    name: "context_clear",
    title: "Clear session memory",
    description:
      "Forgets the session's defaults, recent items, notes and kept results, or only the named parts.",
    effect: "delete",
    idempotent: true,
    scope: SESSION_SCOPE,
    input: z.object({
      parts: z.array(z.enum(PARTS)).min(1).optional().describe("What to forget; everything when left out."),
    }),
    output: z.object({ cleared: z.array(z.string()) }),
    async run({ parts = [...PARTS] }, { store }: ToolContext<SessionMemory>) {
      await store.apply([{ kind: "clear", parts }]);
      return { cleared: parts };
    },
  });
}

async function describe(memory: SessionMemory): Promise<z.input<typeof STATE>> {
  const { defaults, entities, notes, handles, compacted } = await memory.read();
  return {
    defaults,
    entities,
    notes,
    handles: handles.map(({ handle, tool, rows }) => ({ handle, tool, rows })),
    forgotten: compacted.entities + compacted.notes + compacted.handles,
  };
}

function defined(values: Record<string, unknown>) {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Extract<ContextOperation, { kind: "set_defaults" }>["defaults"];
}
