import {
  digestQuestion,
  type GivenAnswer,
  InputNeeded,
  type InputRequestSpec,
  type Inquiry,
} from "../../../shared/call/input-needed.ts";
import { ToolError } from "../../../shared/call/tool-error.ts";

/**
 * The questions of one step of a task. A step is entered again once they are answered, as a call of the stateless
 * generation is, and an answer counts for the very question that it was given to. A key is never used for a second
 * request (SEP-2663): what is asked again is asked under another key.
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

  /** Gives the answer to a question, or leaves the step with everything that was asked in the same breath. */
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
