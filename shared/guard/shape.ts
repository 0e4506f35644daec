import type { z } from "zod";
import type { ContentBlock } from "../call/content.ts";
import { tellCallMade } from "../call/made-call.ts";
import type { MaskRules } from "../call/mask-rules.ts";
import { ToolError } from "../call/tool-error.ts";
import type { JsonValue } from "../encoding/json.ts";
import { maskContents, type SchemaOfUri } from "../redact/mask-contents.ts";
import { maskFields } from "../redact/mask-fields.ts";
import { maskStrings } from "../redact/mask-text.ts";
import type { RelayedAnswer, ToolDefinition } from "../server/define.ts";
import type { SessionMemory } from "../session/session-memory.ts";
import type { ContextRecorder } from "./context-recorder.ts";

/** Most characters of JSON in a result: about 6,000 tokens at four characters per token. */
export const ANSWER_LIMIT = 24_000;

/** Most characters of a result of content blocks, pictures included. */
const CONTENT_LIMIT = 1_500_000;

/** A tool result on the wire, before a lane wraps it. */
export interface ShapedAnswer {
  structuredContent?: Record<string, JsonValue>;
  content: ContentBlock[];
  isError?: boolean;
  /** Where its data comes from. */
  _meta?: Record<string, JsonValue>;
}

/** The reader's mask rules, the schemas of embedded resources, and the arguments of the call. */
export interface Shaping {
  rules: MaskRules;
  schemaOf: SchemaOfUri;
  input: Readonly<Record<string, unknown>>;
}

/**
 * Step 4 for tools: validates the result, masks it for the reader, and cuts it to size. The rest of a long
 * list is stored in the session under a handle, so that the model can page through it. Throws
 * `result_too_large` when nothing can be cut. Of a change in another system it says that the call was made.
 */
export async function shapeAnswer(
  tool: ToolDefinition,
  raw: unknown,
  context: ContextRecorder,
  session: SessionMemory,
  now: Date,
  shaping: Shaping,
): Promise<ShapedAnswer> {
  try {
    return await shape(tool, raw, context, session, now, shaping);
  } catch (failure) {
    const isChange = tool.effect !== "read" && (tool.relays || tool.openWorld);
    throw isChange && failure instanceof ToolError ? tellCallMade(failure) : failure;
  }
}

async function shape(
  tool: ToolDefinition,
  raw: unknown,
  context: ContextRecorder,
  session: SessionMemory,
  now: Date,
  shaping: Shaping,
): Promise<ShapedAnswer> {
  const { rules, schemaOf } = shaping;
  if (tool.relays) return relayAnswer(tool, raw as RelayedAnswer, shaping);
  if (!tool.output) return { content: boundContent(maskContents(raw as ContentBlock[], rules, schemaOf)) };
  // Masked before it is cut, stored or copied, so that every form of the result is masked.
  const output = maskFields(tool.output, checkOutput(tool.output, raw, tool.name), rules);
  const structured = await cutToSize(tool, output, context, session, now);
  const extra = (await tool.content?.(output as never, shaping.input as never)) ?? [];
  return {
    structuredContent: structured,
    content: [{ type: "text", text: JSON.stringify(structured) }, ...extra],
  };
}

/** The whole result of another system: checked against its own schema, masked and bounded, otherwise unchanged. */
function relayAnswer(
  tool: ToolDefinition,
  { content, structuredContent, isError }: RelayedAnswer,
  { rules, schemaOf }: Shaping,
): ShapedAnswer {
  const blocks = boundContent(maskContents(content, rules, schemaOf));
  const failed = isError ? { isError } : {};
  if (structuredContent === undefined) return { content: blocks, ...failed };
  if (tool.output && !tool.output.safeParse(structuredContent).success) {
    // A client may refuse a failure whose structured content is outside of the schema; its text says what failed.
    if (isError) return { content: blocks, ...failed };
    throw new ToolError("unavailable", `${tool.title} answered outside of the schema that it declares.`);
  }
  const masked = tool.output
    ? maskFields(tool.output, structuredContent, rules)
    : maskStrings(structuredContent, rules.text);
  if (JSON.stringify(masked).length > CONTENT_LIMIT)
    throw new ToolError("result_too_large", `The answer is over ${CONTENT_LIMIT} characters.`);
  return { structuredContent: masked, content: blocks, ...failed };
}

function checkOutput(schema: z.ZodObject, raw: unknown, tool: string): Record<string, JsonValue> {
  const result = schema.safeParse(raw);
  if (result.success) return JSON.parse(JSON.stringify(result.data)) as Record<string, JsonValue>;
  // A bug in the tool, not the caller's error: logged as an unknown failure.
  throw new TypeError(`Tool ${tool} returned an answer outside of its schema: ${result.error.message}`);
}

async function cutToSize(
  tool: ToolDefinition,
  output: Record<string, JsonValue>,
  context: ContextRecorder,
  session: SessionMemory,
  now: Date,
): Promise<Record<string, JsonValue>> {
  if (JSON.stringify(output).length <= ANSWER_LIMIT) return output;
  const field = tool.overflow as string | undefined;
  const rows = field === undefined ? undefined : output[field];
  if (field === undefined || !Array.isArray(rows)) {
    throw new ToolError("result_too_large", `The answer of ${tool.name} is over ${ANSWER_LIMIT} characters.`);
  }
  const fixed = JSON.stringify({ ...output, [field]: [] }).length;
  const shown = countFitting(rows, ANSWER_LIMIT - fixed - 300);
  if (shown === 0) throw new ToolError("result_too_large", `One row of ${tool.name} is over the size limit.`);
  const handle = `res_${crypto.randomUUID().replaceAll("-", "")}`;
  const kept = { handle, tool: tool.name, rows: rows.length, createdAt: now.getTime() };
  await session.keepResult(kept, rows);
  context.record({ kind: "add_handle", handle: kept });
  const how = `Call context_get with handle "${handle}" and offset ${shown} for the next rows.`;
  return { ...output, [field]: rows.slice(0, shown), more: { handle, shown, total: rows.length, how } };
}

function countFitting(rows: readonly JsonValue[], budget: number): number {
  let used = 0;
  for (const [index, row] of rows.entries()) {
    used += JSON.stringify(row).length + 1;
    if (used > budget) return index;
  }
  return rows.length;
}

function boundContent(content: ContentBlock[]): ContentBlock[] {
  if (JSON.stringify(content).length > CONTENT_LIMIT) {
    throw new ToolError("result_too_large", `The answer is over ${CONTENT_LIMIT} characters.`);
  }
  return content;
}
