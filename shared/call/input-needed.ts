import { canonicalize, digestText } from "../encoding/canonical-json.ts";
import type { JsonValue } from "../encoding/json.ts";
import { ToolError } from "./tool-error.ts";

/** A request to the client, and the records it concerns. */
export interface Inquiry {
  /** Name on the wire, chosen by the tool. */
  key?: string;
  method: "elicitation/create" | "sampling/createMessage" | "roots/list";
  params: Record<string, JsonValue>;
  /** Identifies the records that the call would touch. Never sent. */
  about?: JsonValue;
}

/** A request to the client as sent, with the key under which the client answers it. */
export interface InputRequestSpec extends Pick<Inquiry, "method" | "params"> {
  /** Unique within one call. */
  key: string;
  /** Digest of the whole question; see {@link digestQuestion}. */
  digest: string;
}

/** Answers that a client sent, by question key. Client data: never trusted. */
export type InputAnswers = Readonly<Record<string, unknown>>;

/** An answer with the digest of the question it was given to. The answer is client data: never trusted. */
export interface GivenAnswer {
  digest: string;
  response: unknown;
}

/**
 * State of one call's questions: open ones as key → digest, and answered ones in the order of their answers.
 */
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
 * SHA-256 of a question: name, method, message, schema, the records it concerns, and the policy in force. An
 * answer counts only for a question with the same digest.
 */
export function digestQuestion({ key, method, params, about }: Inquiry, policyDigest: string): string {
  return digestText(canonicalize([policyDigest, key ?? null, method, params, about ?? null]));
}

/**
 * Thrown to leave a stateless call and ask the client. The client repeats the call with the answers, and the
 * tool runs again from its start (MCP 2026-07-28, multi-round-trip requests). Not an error: the guard lets it
 * pass.
 */
export class InputNeeded extends Error {
  /** Questions that are sent together. */
  readonly requests: readonly InputRequestSpec[];
  /** Answers to earlier questions of this call; the next round must carry them again. */
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
 * The questions of one run of a stateless call. Questions that earlier rounds answered resolve at once. All
 * others that the tool asks before it first waits leave together in one {@link InputNeeded}. An answer is
 * matched by the digest of its question, not by position, so a changed question is asked again.
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
   * Resolves with the answer to a question. If `read` throws a {@link ToolError}, the question is asked
   * again: the client can correct its answer, the model cannot.
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
    // Wait one microtask, so that questions asked in parallel leave together.
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
