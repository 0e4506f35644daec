import { isRecord } from "../../encoding/is-record.ts";
import type { JsonValue } from "../../encoding/json.ts";
import type { JournalEntry, ToolOutcome } from "../../objects/program-gate.ts";
import { maskStored } from "../../redact/mask-stored.ts";
import { cutText } from "../../text/well-formed.ts";
import type { OtherTools } from "../call-contexts.ts";
import type { ProgramHost } from "./isolate.ts";
import { Journal, type ListedCall } from "./journal.ts";

/** Bounds of one run. */
export const PROGRAM_BOUNDS = {
  /** Milliseconds that it may take. */
  ms: 30_000,
  /** Calls of tools, those answered from the journal included. */
  calls: 50,
  /** Times that it looks for tools or at one. */
  looks: 50,
  /** Calls at the same time. */
  parallel: 8,
  /** Characters of the arguments of a call, and of all that calls answer together. */
  argumentChars: 100_000,
  answerChars: 1_000_000,
  /** Characters of the result. */
  resultChars: 16_000,
};

/** Codes of calls that run once a person has acted. */
const FOR_A_PERSON: readonly string[] = ["approval_required", "mfa_required"];

/** Characters of an error of the program. */
const LONGEST_REASON = 500;

/** How a run ended. */
export type ProgramEnd =
  | { status: "done"; result: JsonValue }
  | { status: "waiting"; reason: string; journal: JournalEntry[] }
  | { status: "failed" | "timed_out" | "stopped"; reason: string; journal?: JournalEntry[] };

/** What a run needs: a way to run the text somewhere safe, and the tools. */
export interface ProgramRun {
  /** Runs the text; resolves with its result as JSON. */
  execute(host: ProgramHost): Promise<string>;
  tools: OtherTools;
  find(words: string): Promise<JsonValue>;
  describe(tool: string): JsonValue;
  /** The calls of the run that this one goes on with. */
  earlier: readonly JournalEntry[];
  signal: AbortSignal;
  bounds: typeof PROGRAM_BOUNDS;
}

/**
 * Runs a program and answers its calls. Never throws for what the program does; whatever its end is, the calls are
 * listed with their outcomes.
 */
export async function runProgram(run: ProgramRun): Promise<ProgramEnd & { calls: ListedCall[] }> {
  const host = new Host(run);
  const began = Date.now();
  const ending = new AbortController();
  const finished = run.execute(host).then(
    (text): ProgramEnd => readResult(text, run.bounds.resultChars),
    (failure: unknown): ProgramEnd => ({ status: "failed", reason: `The code threw: ${messageOf(failure)}` }),
  );
  const late = new Promise<ProgramEnd>((resolve) => {
    const timer = setTimeout(() => resolve(timedOut(run.bounds.ms)), run.bounds.ms);
    const cancelled = () => resolve({ status: "stopped", reason: "The client cancelled the call." });
    run.signal.addEventListener("abort", cancelled, { once: true, signal: ending.signal });
    ending.signal.addEventListener("abort", () => clearTimeout(timer));
  });
  const end = await Promise.race([finished, late, host.stopped]);
  ending.abort();
  const { journal } = host;
  const waits = end.status === "waiting";
  // A run that may go on later keeps what ended. What runs at the same time ends first, so that it does not run again; a late one is
  // cut off.
  const goesOn = "journal" in end;
  await host.close(goesOn ? Math.max(0, began + run.bounds.ms - Date.now()) : 0);
  const settled = goesOn ? { ...end, journal: journal.entries() } : end;
  return { ...settled, calls: journal.list(waits ? "waiting" : "not_finished") };
}

function timedOut(ms: number): ProgramEnd {
  return { status: "timed_out", reason: `The code did not end within ${ms / 1_000} seconds.` };
}

function readResult(text: string, most: number): ProgramEnd {
  if (typeof text !== "string" || text.length > most)
    return { status: "failed", reason: `The result is over ${most} characters: return less.` };
  try {
    return { status: "done", result: JSON.parse(text) as JsonValue };
  } catch {
    return { status: "failed", reason: "The result is no JSON." };
  }
}

function messageOf(failure: unknown): string {
  const message =
    isRecord(failure) || failure instanceof Error ? (failure as { message?: unknown }).message : failure;
  return cutText(String(message), LONGEST_REASON);
}

/** Answers the calls of one run, within its bounds. */
class Host implements ProgramHost {
  readonly journal: Journal;
  readonly stopped: Promise<ProgramEnd>;
  readonly #run: ProgramRun;
  readonly #stop: (end: ProgramEnd) => void;
  readonly #running = new Set<Promise<unknown>>();
  readonly #cut = new AbortController();
  #isOver = false;
  #answered = 0;
  #looks = 0;

  constructor(run: ProgramRun) {
    this.#run = run;
    this.journal = new Journal(run.earlier);
    const { promise, resolve } = Promise.withResolvers<ProgramEnd>();
    this.stopped = promise;
    this.#stop = resolve;
  }

  async call(tool: string, argsText: string): Promise<string> {
    const { bounds } = this.#run;
    if (this.#isOver) return refuse("stopped", "The run has ended.");
    if (argsText.length > bounds.argumentChars)
      return refuse("invalid_input", `Arguments are over ${bounds.argumentChars} characters.`);
    const args = readArguments(argsText);
    if (args === null) return refuse("invalid_input", "Arguments must be one JSON object.");
    if (this.journal.length >= bounds.calls)
      return this.#end({ status: "stopped", reason: `A run makes at most ${bounds.calls} calls.` });
    if (this.#running.size >= bounds.parallel)
      return this.#end({
        status: "stopped",
        reason: `A run makes at most ${bounds.parallel} calls at once.`,
      });
    const begun = this.journal.begin(tool, args);
    if (begun === null)
      return this.#end({
        status: "stopped",
        reason:
          "The code made another call than before it waited, so it stopped; this call did not run. Send exactly the same code with `run`: without `run` every call is made again, also those that changed something.",
        journal: [],
      });
    if (begun.known !== null) return this.#answer(begun.known);
    const running = this.#perform(begun.at, tool, args);
    this.#running.add(running);
    return await running.finally(() => this.#running.delete(running));
  }

  async #perform(at: number, tool: string, args: Record<string, JsonValue>): Promise<string> {
    const outcome = await this.#run.tools.call(tool, args, this.#cut.signal);
    if (!outcome.ok && FOR_A_PERSON.includes(outcome.error.code))
      return this.#end({ status: "waiting", reason: outcome.error.message, journal: [] });
    // As it is kept, so that the code reads the same when it runs again.
    const kept = maskStored(outcome) as ToolOutcome;
    this.journal.end(at, kept);
    return this.#answer(kept);
  }

  async find(words: string): Promise<string> {
    if (!this.#mayLook()) return refuse("stopped", "The run has ended.");
    return JSON.stringify({ ok: true, value: await this.#run.find(words.slice(0, 500)) });
  }

  async describe(tool: string): Promise<string> {
    if (!this.#mayLook()) return refuse("stopped", "The run has ended.");
    try {
      return JSON.stringify({ ok: true, value: this.#run.describe(tool) });
    } catch (failure) {
      return refuse("not_found", messageOf(failure));
    }
  }

  /** Answers nothing more. Waits for calls that run, at most these milliseconds, and then cuts them off. */
  async close(ms: number): Promise<void> {
    this.#isOver = true;
    const ended = Promise.allSettled([...this.#running]);
    if (ms > 0) {
      const { promise: late, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, ms);
      await Promise.race([ended, late]);
      clearTimeout(timer);
    }
    this.#cut.abort();
    await ended;
  }

  #mayLook(): boolean {
    this.#looks += 1;
    const most = this.#run.bounds.looks;
    if (this.#looks > most)
      this.#end({ status: "stopped", reason: `A run looks for tools at most ${most} times.` });
    return !this.#isOver;
  }

  #answer(outcome: ToolOutcome): string {
    const text = JSON.stringify(outcome);
    this.#answered += text.length;
    if (this.#answered <= this.#run.bounds.answerChars) return text;
    const reason = `The answers are over ${this.#run.bounds.answerChars} characters together.`;
    return this.#end({ status: "stopped", reason });
  }

  #end(end: ProgramEnd): string {
    this.#isOver = true;
    this.#stop(end);
    return refuse("stopped", "The run has ended.");
  }
}

function readArguments(text: string): Record<string, JsonValue> | null {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? (value as Record<string, JsonValue>) : null;
  } catch {
    return null;
  }
}

function refuse(code: string, message: string): string {
  return JSON.stringify({ ok: false, error: { code, message } } satisfies ToolOutcome);
}
