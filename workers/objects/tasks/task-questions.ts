import { type InputAnswers, InputNeeded, type InputRequestSpec } from "../../../shared/call/input-needed.ts";
import { ToolError } from "../../../shared/call/tool-error.ts";

/**
 * The questions of one step of a task. A step is entered again once they are answered, as a call of the stateless
 * generation is; but a key is never used for a second request (SEP-2663), so an answer that is none is asked for
 * again under another key.
 */
export class TaskQuestions {
  readonly #given: InputAnswers;
  readonly #prefix: string;
  readonly #open: InputRequestSpec[] = [];
  #asked = 0;
  #leaving: Promise<never> | undefined;

  /** @param step - number of the step, part of every key */
  constructor(step: number, given: InputAnswers) {
    this.#given = given;
    this.#prefix = `s${step + 1}`;
  }

  /** Gives the answer to a question, or leaves the step with everything that was asked in the same breath. */
  async put<Value>(
    request: Omit<InputRequestSpec, "key"> & { key?: string },
    read: (response: unknown) => Value,
  ): Promise<Value> {
    this.#asked += 1;
    const name = `${this.#prefix}-${request.key ?? `q${this.#asked}`}`;
    let key = name;
    for (let attempt = 2; Object.hasOwn(this.#given, key); attempt += 1) {
      try {
        return read(this.#given[key]);
      } catch (failure) {
        if (!(failure instanceof ToolError)) throw failure;
        key = `${name}-${attempt}`;
      }
    }
    this.#open.push({ key, method: request.method, params: request.params });
    this.#leaving ??= Promise.resolve().then(() => {
      throw new InputNeeded(this.#open, {});
    });
    return this.#leaving;
  }
}
