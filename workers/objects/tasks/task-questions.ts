import {
  digestQuestion,
  type GivenAnswer,
  InputNeeded,
  type InputRequestSpec,
  type Inquiry,
} from "../../../shared/call/input-needed.ts";
import { ToolError } from "../../../shared/call/tool-error.ts";

/**
 * The questions of one step of a task. Once they are answered the step runs again, like a call of the
 * stateless generation, and an answer counts only for the same question. A key is never used for a second
 * request (SEP-2663): a repeated question gets another key.
 */
export class TaskQuestions {
  readonly #given: Readonly<Record<string, GivenAnswer>>;
  readonly #policyDigest: string;
  readonly #prefix: string;
  readonly #used = new Set<string>();
  readonly #open: InputRequestSpec[] = [];
  #asked = 0;
  #leaving: Promise<never> | undefined;

  /** @param step - number of the step, part of every key */
  constructor(step: number, given: Readonly<Record<string, GivenAnswer>>, policyDigest: string) {
    this.#given = given;
    this.#policyDigest = policyDigest;
    this.#prefix = `s${step + 1}`;
  }

  /** Resolves with the answer to a question, or throws with all questions that were asked in parallel. */
  async put<Value>(inquiry: Inquiry, read: (response: unknown) => Value): Promise<Value> {
    this.#asked += 1;
    const digest = digestQuestion(inquiry, this.#policyDigest);
    for (const [key, given] of Object.entries(this.#given)) {
      if (given.digest !== digest || this.#used.has(key)) continue;
      this.#used.add(key);
      try {
        return read(given.response);
      } catch (failure) {
        if (!(failure instanceof ToolError)) throw failure;
      }
    }
    const name = `${this.#prefix}-${inquiry.key ?? `q${this.#asked}`}`;
    let key = name;
    for (let attempt = 2; Object.hasOwn(this.#given, key); attempt += 1) key = `${name}-${attempt}`;
    this.#open.push({ key, method: inquiry.method, params: inquiry.params, digest });
    this.#leaving ??= Promise.resolve().then(() => {
      throw new InputNeeded(this.#open, []);
    });
    return this.#leaving;
  }
}
