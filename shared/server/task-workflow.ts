import type { z } from "zod";
import type { ContentBlock } from "../call/content.ts";
import type { ToolContext, ToolDefinition } from "./define.ts";

/** Result of one step: the state for the next one, or the tool's result. */
export type Step<State, Answer> =
  | {
      /** JSON. */
      state: State;
      /** Progress: steps, rows or any other unit. */
      done?: number;
      total?: number;
      /** One short sentence for the user. */
      message?: string;
      /** Milliseconds before the next step, while another system gets ready. */
      waitMs?: number;
      /** From `begin`: so little work is left that the call does it at once instead of as a task. */
      inline?: boolean;
    }
  | { answer: Answer };

/**
 * Work that may take longer than a call, split into steps of some seconds. For a client that supports tasks
 * (MCP extension `io.modelcontextprotocol/tasks`) the call returns at once and the steps run one after the
 * other in the user's own object, each guarded and recorded like a call; for any other client they run within
 * the call, until its deadline.
 */
export interface TaskWorkflow<Input, State, Answer, Store> {
  /** `required`: a client without task support cannot call the tool. */
  tasks: "optional" | "required";
  /** Milliseconds that the work may take in total, as a task. Default one hour. */
  limitMs?: number;
  /**
   * Runs in the call itself: checks, asks, and returns the first state; or the result, if the work is too
   * small for a task.
   */
  begin(input: Input, context: ToolContext<Store>): Promise<Step<State, Answer>>;
  /**
   * Does one piece. An interrupted step runs again with the same state, and one that asks runs again with the
   * answer, so it must be safe to repeat: it asks before it changes anything.
   */
  step(state: State, input: Input, context: ToolContext<Store>): Promise<Step<State, Answer>>;
  /**
   * For a client without tasks, when the call has no time for another step: returns what was done and how to
   * continue. Without it the deadline ends the call.
   */
  pause?(state: State, input: Input, context: ToolContext<Store>): Promise<Answer>;
  /**
   * After a task was cancelled: ensures that a running step changes nothing more, and says in one sentence
   * what was done. Contains no personal data: it becomes the task's status message.
   */
  stop?(state: State, input: Input, context: ToolContext<Store>): Promise<string>;
}

/** Milliseconds after which a step of work in small pieces ends; each piece takes a few queries. */
export const STEP_MS = 3_000;
export const STEP_PIECES = 40;

/** Milliseconds that a call must have left for another step. */
const STEP_RESERVE_MS = 15_000;

/** Steps per call of work that can pause: D1 allows 1,000 queries per invocation. */
const STEPS_A_CALL = 8;

/** Result of a tool's `run`. */
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
  /** Result for a client without tasks. Default: all steps within the call. */
  run?: ToolDefinition<Input, Output, Store>["run"];
};

/** Declares a tool with long work. */
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

/** Runs all steps in one call. At the deadline completed steps stay done. */
async function runWithinCall<Input, State, Answer, Store>(
  work: TaskWorkflow<Input, State, Answer, Store>,
  input: Input,
  context: ToolContext<Store>,
): Promise<Answer> {
  return runSteps(work, await work.begin(input, context), input, context);
}

/** Runs the next steps within the call, until its deadline. */
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
