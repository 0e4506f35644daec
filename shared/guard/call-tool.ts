import { labelsOf, type ReadLabel } from "../call/flow-labels.ts";
import { ToolError } from "../call/tool-error.ts";
import type { JsonValue } from "../encoding/json.ts";
import { publishChange } from "../objects/change-gate.ts";
import type { TaskInput } from "../objects/task.ts";
import { SESSION_SCOPE } from "../policy/decide.ts";
import { masksOf } from "../policy/masks.ts";
import { refuseMasked } from "../redact/refuse-masked.ts";
import type { Entry } from "../server/catalogue.ts";
import type { ToolContext, ToolDefinition } from "../server/define.ts";
import { parseArguments } from "../server/schema.ts";
import { followCall } from "../server/search/forwarded-call.ts";
import { unknownTool } from "../server/search/search-tools.ts";
import { runSteps, type Step } from "../server/task-workflow.ts";
import { cutText } from "../text/well-formed.ts";
import { openAgreement } from "./approval/agreement.ts";
import { keepApproval } from "./approval/keep-approval.ts";
import { requirePermission, type SubjectCall } from "./approval/require-approval.ts";
import type { ContextRecorder } from "./context-recorder.ts";
import { decide, isVisible, judged, requireAllowed } from "./decide.ts";
import { leaveOutRefused } from "./embedded-resources.ts";
import { judgeAnswers } from "./flow/judge-answers.ts";
import {
  describeOrigins,
  noteOrigins,
  type Origins,
  originsOf,
  recalledOrigins,
} from "./flow/note-origins.ts";
import { guard } from "./guard.ts";
import { maskChannel } from "./masking/mask-channel.ts";
import { contentsSchemaOf } from "./masking/mask-session-memory.ts";
import { findMisuse, listOffered, refuseUnknownTool } from "./offered/offered-tools.ts";
import { NO_OTHERS, openOtherTools } from "./offered/other-tools.ts";
import { openCursors } from "./open-cursors.ts";
import { upstreamOf } from "./open-upstream.ts";
import { withPausedDeadline } from "./paused-deadline.ts";
import type { RequestContext } from "./request-context.ts";
import { DEFAULT_TIMEOUT_MS, type Run } from "./run.ts";
import { type AppliedDefault, describeDefaults, inheritDefaults } from "./session-defaults.ts";
import { type ShapedAnswer, type Shaping, shapeAnswer } from "./shape.ts";
import type { CreatedTask } from "./start-task.ts";
import { isCreatedTask, requireTasks, startTask } from "./start-task.ts";

/** The result of `tools/call` in both generations. */
export type CallToolAnswer = ShapedAnswer;

/** A step that is not the last: the state for the next one. */
export type NextStep = Extract<Step<JsonValue, unknown>, { state: unknown }>;

/** What a call gave. */
export interface Called {
  answer: CallToolAnswer | CreatedTask;
  /** The request as the call was allowed; without it, it was refused or failed. */
  allowed?: RequestContext;
}

/**
 * Calls a tool through the guard. An unknown or hidden tool is a JSON-RPC error; every other failure is a
 * result with `isError`, so that the model can read it and correct itself (MCP 2025-11-25, SEP-1303).
 */
export async function callTool(
  ctx: RequestContext,
  name: string,
  args: Record<string, unknown> | undefined,
): Promise<Called> {
  const ended = await tryTool(ctx, name, args);
  return ended instanceof ToolError ? { answer: errorAnswer(ended, ctx.policy.signIn.contact) } : ended;
}

/**
 * {@link callTool} for code: a failure of ours is a {@link ToolError}, so that an answer with `isError` is always what
 * another system says.
 */
async function tryTool(
  ctx: RequestContext,
  name: string,
  args: Record<string, unknown> | undefined,
): Promise<Required<Called> | ToolError> {
  const called = followCall(ctx.catalogue, name, args);
  const isHidden = called?.by !== undefined && !isVisible(ctx.policy, ctx.identity, called.by.subject);
  if (called === undefined || isHidden) throw refuseUnknownTool(ctx, cutText(name, 64));
  if ("unknown" in called) return unknownTool(called.unknown, listOffered(ctx));
  const { entry } = called;
  const misused = findMisuse(ctx, called);
  if (misused !== null) return misused;
  requireTasks(ctx, entry);
  try {
    const ended = await guardedCall(ctx, entry, called.args);
    publishChange(ended.allowed, entry.subject);
    return ended;
  } catch (failure) {
    if (!(failure instanceof ToolError)) throw failure;
    if (failure.retryAfter !== undefined) ctx.retryAfter(failure.retryAfter);
    return failure;
  }
}

/** A tool error as the model reads it. `contact` is whom people ask. */
export function errorAnswer(error: ToolError, contact?: string): CallToolAnswer {
  return { content: [{ type: "text", text: JSON.stringify(error.toBody(contact)) }], isError: true };
}

async function guardedCall(
  arrived: RequestContext,
  entry: Entry<ToolDefinition>,
  args: Record<string, unknown> | undefined,
): Promise<Required<Called>> {
  const tool = entry.definition;
  let now = new Date();
  const applied: AppliedDefault[] = [];
  let asked: Readonly<Record<string, unknown>> = {};
  const origins = originsOf(entry.subject);
  let allowed = arrived;
  const answer = await guard<unknown, CallToolAnswer | CreatedTask>(arrived, entry.subject, {
    timeoutMs: tool.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    args: args ?? {},
    async run(run) {
      const { callId, context, signal } = run;
      const rules = masksOf(run.ctx.policy, run.ctx.identity.role);
      const channel = maskChannel(run.ctx.channel, rules);
      // A session's own memory may contain masked values; it is not a record that they could corrupt.
      if (tool.effect !== "read" && tool.scope !== SESSION_SCOPE) refuseMasked(args ?? {});
      const input = parseArguments(tool.input, inheritDefaults(tool, args ?? {}, context.defaults, applied));
      asked = input;
      // Conditions and approvals judge the input that will run: defaults filled in, text trimmed, numbers
      // converted.
      const { title, input: schema } = tool;
      const inherited = applied.map(({ field }) => field);
      const store = await run.openStore(entry);
      const reading = { store, principal: run.ctx.identity, now };
      const call = {
        ...{ callId, subject: entry.subject, title, schema, input, inherited },
        ...{ channel, signal, hold: run.pause },
        readSubjects: async () => (await tool.nameSubjects?.(input, reading)) ?? [],
        readNeeds: () => readNeeds(run.ctx, tool, input, reading),
        check: async () => await tool.check?.(input, reading),
        readPreview: async () => (await tool.preview?.(input, reading)) ?? null,
        keepUntil: async (time: number) => await tool.keepUntil?.(input, time, reading),
      };
      const { ctx, approved } = await requirePermission(run.ctx, call);
      allowed = ctx;
      // The approver may have taken minutes.
      if (approved) now = new Date();
      // Before the context is made: the other tools that it offers tell the run what they read, too.
      const noted = noteOrigins(run, origins);
      const toolContext = openContext(ctx, entry, { ...noted, store, now, input, session: sessionOf(ctx) });
      const running = begin(ctx, entry, args ?? {}, applied, input, toolContext);
      return approved ? keepApproval(ctx, callId, running) : running;
    },
    async shape(raw, { context }) {
      if (isCreatedTask(raw)) return raw;
      for (const label of await recalledOrigins(allowed, entry.subject)) origins.reads.add(label);
      const answer = await shapeFor(allowed, entry, raw, { context, now, input: asked, origins });
      if (applied.length === 0) return answer;
      const used = describeDefaults(allowed, applied);
      const text = `Session defaults used: ${used}. Change them with context_set.`;
      return { ...answer, content: [...answer.content, { type: "text" as const, text }] };
    },
    measure: measureAnswer,
    statusOf: (answer) => ("isError" in answer && answer.isError ? "failed_elsewhere" : "ok"),
  });
  return { answer, allowed };
}

/** Other tools whose permission this call needs. A tool that this URL lacks may not be called here. */
async function readNeeds(
  { catalogue }: RequestContext,
  tool: ToolDefinition,
  input: Readonly<Record<string, unknown>>,
  context: Pick<ToolContext, "store" | "now">,
): Promise<SubjectCall[]> {
  const needs = (await tool.needs?.(input, context)) ?? [];
  return needs.map(({ tool: name, args }) => {
    const other = catalogue.tools.get(name);
    if (!other)
      throw new ToolError("forbidden", `This needs the tool ${name}, which this URL does not offer.`);
    return { subject: other.subject, args };
  });
}

/** Runs the tool, or begins its work and hands the rest to a task if the client supports tasks. */
async function begin(
  ctx: RequestContext,
  entry: Entry<ToolDefinition>,
  args: Readonly<Record<string, unknown>>,
  applied: readonly AppliedDefault[],
  input: Record<string, unknown>,
  context: ToolContext,
): Promise<unknown> {
  const { work } = entry.definition;
  if (!work || !ctx.channel.tasks) return entry.definition.run(input, context);
  const first = await work.begin(input, context);
  if ("answer" in first) return first.answer;
  if (first.inline) return runSteps(work, first, input, context);
  const inherited = Object.fromEntries(applied.map(({ field, value }) => [field, value]));
  return startTask(ctx, entry, work, {
    ...{ args, inherited, state: first.state as JsonValue },
    session: sessionOf(ctx) ?? [],
  });
}

/**
 * Runs one step of a task through the same guard as a call: its intent is durable before it runs, and a
 * revocation, policy change or exhausted limit since the call stops it here.
 */
export async function callStep(
  arrived: RequestContext,
  entry: Entry<ToolDefinition>,
  { args, inherited, state, session = [] }: TaskInput,
): Promise<CallToolAnswer | NextStep> {
  const tool = entry.definition;
  const { work } = tool;
  if (!work) throw new TypeError(`Tool ${tool.name} has no steps.`);
  const now = new Date();
  let input: Readonly<Record<string, unknown>> = {};
  const origins = originsOf(entry.subject);
  // The call counted the tool's costs: a step counts as an ordinary call.
  const subject = { ...entry.subject, costly: false };
  return guard<Step<unknown, unknown>, CallToolAnswer | NextStep>(arrived, subject, {
    timeoutMs: tool.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    args,
    async run(run) {
      const { ctx } = run;
      input = parseArguments(tool.input, { ...args, ...inherited });
      // The guard decided without the arguments; the call consumed its approval.
      requireAllowed(decide(ctx.policy, ctx.identity, subject, judged(ctx, input)));
      const store = await run.openStore(entry);
      const running = openContext(ctx, entry, { ...noteOrigins(run, origins), store, now, input, session });
      for (const needed of await readNeeds(ctx, tool, input, running)) {
        requireAllowed(decide(ctx.policy, ctx.identity, needed.subject, judged(ctx, needed.args)));
      }
      return work.step(state, input, running);
    },
    async shape(step, { context, ctx }) {
      if ("state" in step) return { ...step, state: step.state as JsonValue };
      return shapeFor(ctx, entry, step.answer, { context, now, input, origins });
    },
    measure: (shaped) => ("state" in shaped ? 0 : measureAnswer(shaped)),
  });
}

/**
 * Stops the work of a cancelled task and returns one sentence about what was done; also through the guard, so
 * that the trail records the stop. `null` if the tool has nothing to report.
 */
export async function callStop(
  ctx: RequestContext,
  entry: Entry<ToolDefinition>,
  { args, inherited, state, session = [] }: TaskInput,
): Promise<string | null> {
  const { definition: tool, subject } = entry;
  const stop = tool.work?.stop;
  if (!stop) return null;
  const now = new Date();
  return guard<string, string>(
    ctx,
    { ...subject, costly: false },
    {
      timeoutMs: tool.timeoutMs ?? DEFAULT_TIMEOUT_MS,
      args,
      async run(run) {
        const input = parseArguments(tool.input, { ...args, ...inherited });
        const store = await run.openStore(entry);
        return stop(state, input, openContext(run.ctx, entry, { ...run, store, now, input, session }));
      },
      shape: async (sentence) => sentence,
      measure: (sentence) => sentence.length,
    },
  );
}

/** What the session had met when the call was admitted. */
function sessionOf({ met }: RequestContext): readonly ReadLabel[] | undefined {
  return met && labelsOf(met);
}

function measureAnswer(answer: CallToolAnswer | CreatedTask): number {
  return JSON.stringify(isCreatedTask(answer) ? answer : (answer.structuredContent ?? answer.content)).length;
}

/** The result as this user may see it, including its resources. `scheme` is the name of the tool's server. */
async function shapeFor(
  ctx: RequestContext,
  { definition: tool, subject: { server: scheme } }: Entry<ToolDefinition>,
  raw: unknown,
  {
    context,
    now,
    input,
    origins,
  }: { context: ContextRecorder; now: Date; origins: Origins } & Pick<Shaping, "input">,
): Promise<ShapedAnswer> {
  const { policy, identity, catalogue, session } = ctx;
  const shaping = { rules: masksOf(policy, identity.role), schemaOf: contentsSchemaOf(catalogue), input };
  const answer = await shapeAnswer(tool, raw, context, session, now, shaping);
  const own = tool.relays ? scheme : undefined;
  const { meta, blocks } = describeOrigins(origins);
  return { ...answer, content: [...leaveOutRefused(ctx, answer.content, own), ...blocks], ...meta };
}

/** What of a call lives only while it runs. */
interface Running extends Omit<Run, "ctx"> {
  /** The data of the tool's server. */
  store: unknown;
  now: Date;
  /** The arguments as the tool gets them. */
  input: Readonly<Record<string, unknown>>;
  /** What the session had met when the policy allowed the call. */
  session: readonly ReadLabel[] | undefined;
}

/** The tool's context: its server's data for this user, and the channel to the client. */
function openContext(
  ctx: RequestContext,
  entry: Entry<ToolDefinition>,
  { context, signal, pause, timeLeft, meets, fromCache, store, now, input, session }: Running,
): ToolContext {
  const rules = masksOf(ctx.policy, ctx.identity.role);
  const allowed = { subject: entry.subject, input, session };
  const channel = judgeAnswers(ctx, allowed, maskChannel(ctx.channel, rules));
  const asking = { ...withPausedDeadline(channel, pause), canAsk: channel.elicits.form };
  return {
    store,
    principal: ctx.identity,
    context,
    signal,
    meets,
    fromCache,
    fetch: upstreamOf(ctx, entry.subject, signal),
    now,
    timeLeft,
    offered: () => listOffered(ctx),
    tools: entry.definition.composes ? openOtherTools(ctx, tryTool, fromCache) : NO_OTHERS,
    policyDigest: ctx.policy.digest,
    publication: ctx.policy.publication,
    ...channel,
    ...asking,
    ...openCursors(ctx, entry.definition.name),
    ...openAgreement(ctx, entry.definition.name, input, { ...asking, now }),
  };
}
