import { approvalGate } from "../guard/approval-gate.ts";
import { askHolding } from "../guard/ask-holding.ts";
import type { ContextRecorder } from "../guard/context-recorder.ts";
import { decide, isVisible, requireAllowed } from "../guard/decide.ts";
import type { Exchange } from "../guard/exchange.ts";
import { guard } from "../guard/guard.ts";
import { requirePermission } from "../guard/require-approval.ts";
import { DEFAULT_TIMEOUT_MS, type HoldDeadline, type TimeLeft } from "../guard/run.ts";
import { type ShapedAnswer, type Shaping, shapeAnswer } from "../guard/shape.ts";
import { SESSION_SCOPE } from "../policy/decide.ts";
import { masksOf } from "../policy/masks.ts";
import { maskChannel } from "../redact/mask-channel.ts";
import { refuseMasked } from "../redact/refuse-masked.ts";
import type { WorkLeft } from "../tasks/task.ts";
import { upstreamOf } from "../upstream/open-upstream.ts";
import type { Entry } from "./catalogue.ts";
import { announceChange } from "./changes.ts";
import type { ToolContext, ToolDefinition } from "./define.ts";
import { ToolError } from "./errors.ts";
import { forgiveArguments } from "./forgive-arguments.ts";
import { InputNeeded } from "./input-needed.ts";
import type { JsonValue } from "./json.ts";
import { runSteps, type Step } from "./long-work.ts";
import { contentsSchemaOf, maskHome } from "./masked-home.ts";
import { findNearMisses } from "./near-misses.ts";
import { JSON_RPC, ProtocolFault } from "./protocol-fault.ts";
import { parseArguments } from "./schema.ts";
import { type CreatedTask, isCreatedTask, requireTasks, startTask } from "./tasks.ts";
import { cutText } from "./well-formed.ts";

/** The answer to `tools/call` in both generations. */
export interface CallToolAnswer extends ShapedAnswer {
  isError?: boolean;
}

/** A step that is not the last: its state for the next one. */
export type NextStep = Extract<Step<JsonValue, unknown>, { state: unknown }>;

/**
 * Calls a tool through the guard. An unknown or hidden tool is a JSON-RPC error; everything else that fails is an
 * answer with `isError`, so that the model can read it and correct itself (MCP 2025-11-25, SEP-1303).
 */
export async function callTool(
  exchange: Exchange,
  name: string,
  args: Record<string, unknown> | undefined,
): Promise<CallToolAnswer | CreatedTask> {
  const entry = exchange.catalogue.tools.get(name);
  if (!entry) throw refuseUnknownTool(exchange, cutText(name, 64));
  requireTasks(exchange, entry);
  try {
    const answer = await guardedCall(exchange, entry, args);
    announceChange(exchange, entry.subject);
    return answer;
  } catch (failure) {
    if (!(failure instanceof ToolError)) throw failure;
    if (failure.retryAfter !== undefined) exchange.retryAfter(failure.retryAfter);
    return errorAnswer(failure);
  }
}

/** Names the tools that may have been meant, of those that this person can see. */
function refuseUnknownTool({ catalogue, policy, identity }: Exchange, name: string): ProtocolFault {
  const visible = [...catalogue.tools.values()].filter(({ subject }) => isVisible(policy, identity, subject));
  const near = findNearMisses(
    name,
    visible.map(({ definition }) => definition.name),
  );
  const closest = near.length > 0 ? `. Closest: ${near.join(", ")}` : "";
  return new ProtocolFault(JSON_RPC.invalidParams, `Unknown tool: ${name}${closest}`);
}

/** A tool error as the model reads it. */
export function errorAnswer(error: ToolError): CallToolAnswer {
  return { content: [{ type: "text", text: JSON.stringify(error.toBody()) }], isError: true };
}

async function guardedCall(
  exchange: Exchange,
  entry: Entry<ToolDefinition>,
  args: Record<string, unknown> | undefined,
): Promise<CallToolAnswer | CreatedTask> {
  const tool = entry.definition;
  let now = new Date();
  const applied: AppliedDefault[] = [];
  let asked: Readonly<Record<string, unknown>> = {};
  return guard(exchange, entry.subject, {
    timeoutMs: tool.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    args: args ?? {},
    async run(signal, context, hold, callId, timeLeft) {
      // Only now: admission may have brought the role up to date.
      const rules = masksOf(exchange.policy, exchange.identity.role);
      const channel = maskChannel(exchange.channel, rules);
      // A session's own memory may hold what was shown; it is no record that a masked value could spoil.
      if (tool.effect !== "read" && tool.scope !== SESSION_SCOPE) refuseMasked(args ?? {});
      const input = parseArguments(tool.input, inheritDefaults(tool, args ?? {}, context.defaults, applied));
      asked = input;
      // Conditions and approvals judge what will run: defaults filled in, text trimmed, numbers converted. Not what was sent.
      const { title, input: schema } = tool;
      const inherited = applied.map(({ field }) => field);
      const openStore = () => {
        const home = maskHome(exchange.session, exchange);
        return entry.openStore(exchange.env, exchange.identity, rules, home);
      };
      const readSubjects = async () => (await tool.nameSubjects?.(input, { store: openStore(), now })) ?? [];
      const call = {
        ...{ callId, subject: entry.subject, title, schema, input, inherited, channel, signal, hold },
        readSubjects,
      };
      const approved = await requirePermission(exchange, call);
      // A person may have taken minutes.
      if (approved) now = new Date();
      const toolContext = openContext(exchange, entry, { context, signal, hold, timeLeft, now });
      const running = begin(exchange, entry, args ?? {}, applied, input, toolContext);
      return approved ? keepApproval(exchange, callId, running) : running;
    },
    async shape(raw, context) {
      if (isCreatedTask(raw)) return raw;
      const answer = await shapeAnswer(tool, raw, context, exchange.session, now, shapingOf(exchange, asked));
      if (applied.length === 0) return answer;
      const used = applied.map(({ field, text }) => `${field}=${text}`).join(", ");
      const text = `Session defaults used: ${used}. Change them with context_set.`;
      return { ...answer, content: [...answer.content, { type: "text" as const, text }] };
    },
    measure: measureAnswer,
  });
}

/** Asks the policy in force about another tool for the same caller. A tool that this URL lacks may not be called here. */
function requireTool({ catalogue, policy, identity }: Exchange, name: string): void {
  const other = catalogue.tools.get(name);
  if (!other) throw new ToolError("forbidden", `This needs the tool ${name}, which this URL does not offer.`);
  requireAllowed(decide(policy, identity, other.subject));
}

/** Runs the tool, or begins its work and leaves the rest to a task where the client understands that. */
async function begin(
  exchange: Exchange,
  entry: Entry<ToolDefinition>,
  args: Readonly<Record<string, unknown>>,
  applied: readonly AppliedDefault[],
  input: Record<string, unknown>,
  context: ToolContext,
): Promise<unknown> {
  const { work } = entry.definition;
  if (!work || !exchange.channel.tasks) return entry.definition.run(input, context);
  const first = await work.begin(input, context);
  if ("answer" in first) return first.answer;
  if (first.soon) return runSteps(work, first, input, context);
  const inherited = Object.fromEntries(applied.map(({ field, value }) => [field, value]));
  return startTask(exchange, entry, work, { args, inherited, state: first.state as JsonValue });
}

/**
 * Takes one step of a task, through the same guard as a call: its intent is durable before it runs, and what was
 * revoked, forbidden or used up since the call stops it here.
 */
export async function callStep(
  exchange: Exchange,
  entry: Entry<ToolDefinition>,
  { args, inherited, state }: WorkLeft,
): Promise<CallToolAnswer | NextStep> {
  const tool = entry.definition;
  const { work } = tool;
  if (!work) throw new TypeError(`Tool ${tool.name} has no steps.`);
  const now = new Date();
  let input: Readonly<Record<string, unknown>> = {};
  // What makes the tool costly was counted with the call: a step counts as any other call does.
  const subject = { ...entry.subject, costly: false };
  return guard<Step<unknown, unknown>, CallToolAnswer | NextStep>(exchange, subject, {
    timeoutMs: tool.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    args,
    run: (signal, context, hold, _callId, timeLeft) => {
      input = parseArguments(tool.input, { ...args, ...inherited });
      // The guard has asked without the arguments; an approval was used up by the call.
      requireAllowed(decide(exchange.policy, exchange.identity, subject, input));
      return work.step(state, input, openContext(exchange, entry, { context, signal, hold, timeLeft, now }));
    },
    async shape(step, context) {
      if ("state" in step) return { ...step, state: step.state as JsonValue };
      return shapeAnswer(tool, step.answer, context, exchange.session, now, shapingOf(exchange, input));
    },
    measure: (shaped) => ("state" in shaped ? 0 : measureAnswer(shaped)),
  });
}

/**
 * Stops the work of a task for good and says what stands of it, in one sentence; through the guard too, so that the
 * trail tells when it was stopped. `null` when the tool leaves nothing to be said.
 */
export async function callStop(
  exchange: Exchange,
  entry: Entry<ToolDefinition>,
  { args, inherited, state }: WorkLeft,
): Promise<string | null> {
  const { definition: tool, subject } = entry;
  const stop = tool.work?.stop;
  if (!stop) return null;
  const now = new Date();
  return guard<string, string>(
    exchange,
    { ...subject, costly: false },
    {
      timeoutMs: tool.timeoutMs ?? DEFAULT_TIMEOUT_MS,
      args,
      run: (signal, context, hold, _callId, timeLeft) => {
        const input = parseArguments(tool.input, { ...args, ...inherited });
        return stop(state, input, openContext(exchange, entry, { context, signal, hold, timeLeft, now }));
      },
      shape: async (sentence) => sentence,
      measure: (sentence) => sentence.length,
    },
  );
}

function measureAnswer(answer: CallToolAnswer | CreatedTask): number {
  return JSON.stringify(isCreatedTask(answer) ? answer : (answer.structuredContent ?? answer.content)).length;
}

function shapingOf({ policy, identity, catalogue }: Exchange, input: Shaping["input"]): Shaping {
  return { rules: masksOf(policy, identity.role), schemaOf: contentsSchemaOf(catalogue), input };
}

/** What of a call lives only while it runs. */
interface Running {
  context: ContextRecorder;
  signal: AbortSignal;
  hold: HoldDeadline;
  timeLeft: TimeLeft;
  now: Date;
}

/** What a tool gets beside its arguments: its server's data as this person may see it, and the way to the client. */
function openContext(
  exchange: Exchange,
  entry: Entry<ToolDefinition>,
  { context, signal, hold, timeLeft, now }: Running,
): ToolContext {
  const rules = masksOf(exchange.policy, exchange.identity.role);
  const channel = maskChannel(exchange.channel, rules);
  const home = maskHome(exchange.session, exchange);
  return {
    store: entry.openStore(exchange.env, exchange.identity, rules, home),
    principal: exchange.identity,
    context,
    signal,
    fetch: upstreamOf(exchange, entry.subject, signal),
    now,
    timeLeft,
    ...channel,
    canAsk: channel.elicits.form,
    requireTool: (other) => requireTool(exchange, other),
    ...askHolding(channel, hold),
  };
}

/** An argument that a session default filled in. */
interface AppliedDefault {
  field: string;
  value: JsonValue;
  text: string;
}

/**
 * A tool that stops to ask something has done nothing yet, and is entered again from its start: its approval waits for
 * that entry. Before the question leaves, so that the next entry cannot come too early.
 */
async function keepApproval<T>({ env, identity }: Exchange, callId: string, running: Promise<T>): Promise<T> {
  try {
    return await running;
  } catch (failure) {
    if (failure instanceof InputNeeded) await approvalGate(env, identity.userId).returnApproval(callId);
    throw failure;
  }
}

/** Fills arguments that the caller left out from the session's defaults, and says which. */
function inheritDefaults(
  tool: ToolDefinition,
  args: Record<string, unknown>,
  defaults: Readonly<Record<string, JsonValue>>,
  applied: AppliedDefault[],
): Record<string, unknown> {
  // First of all what was given as null is left out, so that a default can stand for it.
  const filled: Record<string, unknown> = { ...forgiveArguments(tool.input, args) };
  for (const field of tool.inherits ?? []) {
    const value = defaults[field];
    if (filled[field] !== undefined || value === undefined) continue;
    filled[field] = value;
    applied.push({ field, value, text: typeof value === "string" ? value : JSON.stringify(value) });
  }
  return filled;
}
