import type { JsonValue } from "../encoding/json.ts";
import { ToolError } from "./tool-error.ts";

/** A request to the client as it goes over the wire, with the name of its answer. */
export interface InputRequestSpec {
  /** Unique within one call, and the same in every round. */
  key: string;
  method: "elicitation/create" | "sampling/createMessage" | "roots/list";
  params: Record<string, JsonValue>;
}

/** Answers of the client by the key of their question. Client data: never trusted. */
export type InputAnswers = Readonly<Record<string, unknown>>;

/**
 * Leaves a call of the stateless generation in order to ask; the call is entered again from its start with the
 * answers (MCP 2026-07-28, multi-round-trip requests). Not an error: the guard lets it pass.
 */
export class InputNeeded extends Error {
  /** Everything that was asked together. */
  readonly requests: readonly InputRequestSpec[];
  /** What earlier questions of this call were answered; the next round has to bring it again. */
  readonly answered: InputAnswers;

  constructor(requests: readonly InputRequestSpec[], answered: InputAnswers) {
    super("The call needs input from the client.");
    this.name = "InputNeeded";
    this.requests = requests;
    this.answered = answered;
  }
}

/**
 * The questions of one entry into a call of the stateless generation. Those that earlier rounds answered resolve at
 * once; all others that are asked before the call waits leave together in one {@link InputNeeded}.
 */
export class QuestionRound {
  readonly #given: InputAnswers;
  readonly #answered: Record<string, unknown> = {};
  readonly #open: InputRequestSpec[] = [];
  readonly #keys = new Set<string>();
  #leaving: Promise<never> | undefined;

  constructor(given: InputAnswers) {
    this.#given = given;
  }

  /**
   * Gives the answer to a question. `read` throws a {@link ToolError} for what is no answer to it: then it is asked
   * again, because the client can repair that and the model cannot.
   */
  async put<Value>(
    request: Omit<InputRequestSpec, "key"> & { key?: string },
    read: (response: unknown) => Value,
  ): Promise<Value> {
    const key = this.#claimKey(request.key);
    if (Object.hasOwn(this.#given, key)) {
      try {
        const value = read(this.#given[key]);
        this.#answered[key] = this.#given[key];
        return value;
      } catch (failure) {
        if (!(failure instanceof ToolError)) throw failure;
      }
    }
    this.#open.push({ key, method: request.method, params: request.params });
    // One microtask later, so that questions asked in the same breath are all in.
    this.#leaving ??= Promise.resolve().then(() => {
      throw new InputNeeded(this.#open, this.#answered);
    });
    return this.#leaving;
  }

  #claimKey(wanted: string | undefined): string {
    const key = wanted ?? `q${this.#keys.size + 1}`;
    if (this.#keys.has(key)) throw new TypeError(`Two questions of one call have the key "${key}".`);
    this.#keys.add(key);
    return key;
  }
}
