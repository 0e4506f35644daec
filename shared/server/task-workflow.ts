import type { z } from "zod";
import type { ContentBlock } from "../call/content.ts";
import type { ToolContext, ToolDefinition } from "./define.ts";

/** What one step gives: what the next one begins with, or the tool's answer. */
export type Step<State, Answer> =
  | {
      /** JSON. */
      state: State;
      /** How far the work is: steps, rows, whatever it counts. */
      done?: number;
      total?: number;
      /** One short sentence for the person. */
      message?: string;
      /** Milliseconds before the next step: somebody else has to get ready. */
      waitMs?: number;
      /** From `begin`: so little is left that the call does it at once, also where it could be a task. */
      inline?: boolean;
    }
  | { answer: Answer };

/**
 * Work that may take longer than a call: it is cut into steps of some seconds. For a client that understands tasks
 * (MCP extension `io.modelcontextprotocol/tasks`) the call is answered at once and the steps run one after the other
 * in the person's own object, each guarded and recorded like a call; for any other they run within the call, as far
 * as its deadline goes.
 */
export interface TaskWorkflow<Input, State, Answer, Store> {
  /** `required`: a client that does not understand tasks cannot call the tool. */
  tasks: "optional" | "required";
  /** Milliseconds that the work may take in all, as a task. Default one hour. */
  limitMs?: number;
  /**
   * Runs in the call itself: checks, asks, and gives the first state; or the answer, where so little is to be done that
   * a task is not worth it.
   */
  begin(input: Input, context: ToolContext<Store>): Promise<Step<State, Answer>>;
  /**
   * Does one piece. A step that was interrupted is entered again with the same state, and one that asks is entered
   * again with the answer, so it must be safe to repeat: it asks before it changes anything.
   */
  step(state: State, input: Input, context: ToolContext<Store>): Promise<Step<State, Answer>>;
  /**
   * For a client without tasks whose call has no room for another step: what was done, and how to go on. Without it
   * the deadline ends the call.
   */
  pause?(state: State, input: Input, context: ToolContext<Store>): Promise<Answer>;
  /**
   * After a task was cancelled: sees to it that a step which may still be on its way changes nothing more, and says in
   * one sentence what stands. Holds no personal data: it becomes the task's status message.
   */
  stop?(state: State, input: Input, context: ToolContext<Store>): Promise<string>;
}

/** Milliseconds, and pieces of a few queries each, after which a step of work that comes in pieces ends. */
export const STEP_MS = 3_000;
export const STEP_PIECES = 40;

/** Milliseconds that a call must have left for another step. */
const STEP_RESERVE_MS = 15_000;

/** Steps that a call takes of work that can pause: D1 answers 1,000 queries an invocation. */
const STEPS_A_CALL = 8;

/** What a tool's `run` gives. */
type AnswerOf<Output extends z.ZodObject | undefined> = Output extends z.ZodObject
  ? z.input<Output>
  : ContentBlock[];

/** A tool that is written as steps. */
export type LongToolDefinition<
  Input extends z.ZodObject,
  Output extends z.ZodObject | undefined,
  State,
  Store,
> = Omit<ToolDefinition<Input, Output, Store>, "run" | "work"> & {
  work: TaskWorkflow<z.output<Input>, State, AnswerOf<Output>, Store>;
  /** What a client without tasks gets. Default: all steps within the call. */
  run?: ToolDefinition<Input, Output, Store>["run"];
};

/** Declares a tool whose work may be long. */
export function defineLongTool<
  Input extends z.ZodObject,
  State,
  Store,
  Output extends z.ZodObject | undefined = undefined,
>(definition: LongToolDefinition<Input, Output, State, Store>): ToolDefinition<Input, Output, Store> {
  const { work } = definition;
  return {
    run: (input, context) => runWithinCall(work, input, context),
    ...definition,
    work: work as TaskWorkflow<unknown, unknown, unknown, Store>,
  } as ToolDefinition<Input, Output, Store>;
}

/** All steps in one call. What was done when the deadline comes stays done. */
async function runWithinCall<Input, State, Answer, Store>(
  work: TaskWorkflow<Input, State, Answer, Store>,
  input: Input,
  context: ToolContext<Store>,
): Promise<Answer> {
  return runSteps(work, await work.begin(input, context), input, context);
}

/** Takes the steps that follow, within the call, as far as its deadline goes. */
export async function runSteps<Input, State, Answer, Store>(
  work: TaskWorkflow<Input, State, Answer, Store>,
  first: Step<State, Answer>,
  input: Input,
  context: ToolContext<Store>,
): Promise<Answer> {
  let step = first;
  for (let taken = 0; ; taken += 1) {
    if ("answer" in step) return step.answer;
    if (step.done !== undefined) context.progress(step.done, step.total, step.message);
    if (work.pause && (taken >= STEPS_A_CALL || context.timeLeft() < STEP_RESERVE_MS)) {
      return work.pause(step.state, input, context);
    }
    if (step.waitMs !== undefined) await scheduler.wait(step.waitMs, { signal: context.signal });
    context.signal.throwIfAborted();
    step = await work.step(step.state, input, context);
  }
}
