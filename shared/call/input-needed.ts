import { canonicalize, digestText } from "../encoding/canonical-json.ts";
import type { JsonValue } from "../encoding/json.ts";
import { ToolError } from "./tool-error.ts";

/** A request to the client's side, and what it is about beyond what the client reads. */
export interface Inquiry {
  /** A name on the wire that the asker chose. */
  key?: string;
  method: "elicitation/create" | "sampling/createMessage" | "roots/list";
  params: Record<string, JsonValue>;
  /** Stands for the records that the call would touch. Never sent. */
  about?: JsonValue;
}

/** A request to the client as it goes over the wire, with the name of its answer. */
export interface InputRequestSpec extends Pick<Inquiry, "method" | "params"> {
  /** Unique within one call. */
  key: string;
  /** Stands for everything that was asked, see {@link digestQuestion}. */
  digest: string;
}

/** What a client sent as answers, by the key of their question. Client data: never trusted. */
export type InputAnswers = Readonly<Record<string, unknown>>;

/** An answer of the client with the digest of the question that it was given to. The answer is never trusted. */
export interface GivenAnswer {
  digest: string;
  response: unknown;
}

/** How far the questions of one call are: open ones, by key with their digest, and those with an answer, in order. */
export interface Round {
  /** The signed state that it was read from: its answers count once. `null` when there was none. */
  id: string | null;
  open: Readonly<Record<string, string>>;
  answered: readonly GivenAnswer[];
}

/** Nothing was asked yet, so that nothing can be answered. */
export const NOTHING_ASKED: Round = { id: null, open: {}, answered: [] };

/** The answers that count: those of earlier rounds, and of `responses` those to questions that are open. */
export function collectAnswers(
  { open, answered }: Pick<Round, "open" | "answered">,
  responses: InputAnswers,
): GivenAnswer[] {
  const given = Object.entries(open)
    .filter(([key]) => Object.hasOwn(responses, key))
    .map(([key, digest]) => ({ digest, response: responses[key] }));
  return [...answered, ...given];
}

/**
 * SHA-256 of a question: its name, method, message and schema, the records that it is about, and the policy under which
 * it is asked. An answer counts for a question with the same digest only.
 */
export function digestQuestion({ key, method, params, about }: Inquiry, policyDigest: string): string {
  return digestText(canonicalize([policyDigest, key ?? null, method, params, about ?? null]));
}

/**
 * Leaves a call of the stateless generation to ask; the call is entered again from its start with the
 * answers (MCP 2026-07-28, multi-round-trip requests). Not an error: the guard lets it pass.
 */
export class InputNeeded extends Error {
  /** Everything that was asked together. */
  readonly requests: readonly InputRequestSpec[];
  /** What earlier questions of this call were answered; the next round has to bring it again. */
  readonly answered: readonly GivenAnswer[];

  constructor(requests: readonly InputRequestSpec[], answered: readonly GivenAnswer[]) {
    super("The call needs input from the client.");
    this.name = "InputNeeded";
    this.requests = requests;
    this.answered = answered;
  }

  /** What has to be remembered until the call is continued. */
  get round(): Omit<Round, "id"> {
    return {
      open: Object.fromEntries(this.requests.map(({ key, digest }) => [key, digest])),
      answered: this.answered,
    };
  }
}

/**
 * The questions of one entry into a call of the stateless generation. Those that earlier rounds answered resolve at
 * once; all others that are asked before the call waits leave together in one {@link InputNeeded}. An answer belongs to
 * a question by its digest and not by its place: a question that is not the same any more is asked again.
 */
export class QuestionRound {
  #given: readonly GivenAnswer[];
  readonly #policyDigest: string;
  readonly #used = new Set<GivenAnswer>();
  readonly #answered: GivenAnswer[] = [];
  readonly #open: InputRequestSpec[] = [];
  readonly #keys = new Set<string>();
  #leaving: Promise<never> | undefined;

  constructor(given: readonly GivenAnswer[], policyDigest: string) {
    this.#given = given;
    this.#policyDigest = policyDigest;
  }

  /** What was answered does not count any more: everything is asked again. Before the first question. */
  forgetAnswers(): void {
    this.#given = [];
  }

  /**
   * Gives the answer to a question. `read` throws a {@link ToolError} for what is no answer to it: then it is asked
   * again, because the client can repair that and the model cannot.
   */
  async put<Value>(inquiry: Inquiry, read: (response: unknown) => Value): Promise<Value> {
    const key = this.#claimKey(inquiry.key);
    const digest = digestQuestion(inquiry, this.#policyDigest);
    const answer = this.#given.find((given) => given.digest === digest && !this.#used.has(given));
    if (answer !== undefined) {
      this.#used.add(answer);
      try {
        const value = read(answer.response);
        this.#answered.push(answer);
        return value;
      } catch (failure) {
        if (!(failure instanceof ToolError)) throw failure;
      }
    }
    this.#open.push({ key, method: inquiry.method, params: inquiry.params, digest });
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
