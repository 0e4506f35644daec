import type { z } from "zod";
import type { CachedAnswer } from "../call/cached-answer.ts";
import type { ClientAbilities } from "../call/client-abilities.ts";
import type { ContextAccess } from "../call/entity-reference.ts";
import type { ReadLabel } from "../call/flow-labels.ts";
import type { Inquiry } from "../call/input-needed.ts";
import type { LogLevel } from "../call/log-level.ts";
import type { PrincipalIdentity } from "../call/principal.ts";
import type { Agreement, Proposal } from "../call/proposal.ts";
import type { Answer, Question } from "../call/question.ts";
import type { Effect } from "../call/subject.ts";
import type { JsonValue } from "../encoding/json.ts";
import type { ToolOutcome } from "../objects/program-gate.ts";

/** What every tool, resource and prompt gets besides its arguments. */
export interface CallContext<Store = unknown> {
  /** The server's data access, opened for this call. */
  store: Store;
  principal: PrincipalIdentity;
  context: ContextAccess;
  /** Aborted on cancellation, disconnect and deadline. */
  signal: AbortSignal;
  /**
   * Requests another system over HTTP: `fetch` with the call's trace, deadline and cancellation, and a log
   * line. See `openUpstream` for refused requests. Use it instead of the global `fetch`.
   */
  fetch: typeof fetch;
  /** Says that what was read has labels beyond those of the definition. They are stored before the answer leaves. */
  meets(labels: readonly ReadLabel[]): void;
  /** Says that something was read from a cache. The record of the call and its result say it, too. */
  fromCache(cached: CachedAnswer): void;
  /** The time of the call. Use it instead of the clock, so that one call has one "now". */
  now: Date;
}

/** Context of tools and prompts, which can ask the user. */
export interface AskingContext<Store = unknown> extends CallContext<Store> {
  /**
   * Asks the user or the client. `run` must not change anything before the answer: in the stateless
   * generation it runs again from its start once the answer arrives. Ask independent questions together with
   * `Promise.all`, so that they travel in one round. A client without the capability gets
   * `client_unsupported`, or -32021 in the stateless generation.
   */
  ask<Schema extends z.ZodObject>(question: Question<Schema>): Promise<Answer<Schema>>;
  /** Asks the client's model for a completion (MCP sampling). Same rules as {@link ask}. */
  sample(prompt: string, options?: { maxTokens?: number; system?: string }): Promise<string>;
  /**
   * Puts a question of another system to the client, and gives the answer as the client sent it. The caller
   * has checked and bounded the question, and says in it who asks. Same rules as {@link ask}.
   */
  relay(inquiry: Inquiry): Promise<unknown>;
  /** Awaits what a person does elsewhere, with the call's deadline paused. */
  pauseFor<Value>(waiting: Promise<Value>): Promise<Value>;
  /** Capabilities that the client declares. */
  abilities: ClientAbilities;
}

/** Cursors of the pages of one question, opaque to the client. */
export interface Cursors<Position> {
  /** Start of the page; `undefined` for the first. Throws `invalid_input` for a cursor of another question. */
  read(cursor: string | undefined): Promise<Position | undefined>;
  /** The cursor of the next page; `undefined` after the last. */
  write(next: Position | undefined): Promise<string | undefined>;
}

/** A tool of the same URL that the caller may use, now or after a step-up. */
export interface OfferedTool {
  name: string;
  title: string;
  description: string;
  effect: Effect;
  /** Its entry in lists. */
  listed(): { inputSchema?: JsonValue | undefined; outputSchema?: JsonValue | undefined };
}

/** The other tools of a URL, for a tool that puts them together. Every call passes the guard as itself. */
export interface OtherTools {
  /** Never rejects for what the tool or the guard says. Without questions to the client: it gets `client_unsupported`. */
  call(name: string, args: Readonly<Record<string, JsonValue>>, signal: AbortSignal): Promise<ToolOutcome>;
}

/** What a tool gets besides its arguments. */
export interface ToolContext<Store = unknown> extends AskingContext<Store> {
  /** Whether the client can show the user a form; otherwise `ask` fails. */
  canAsk: boolean;
  /**
   * Closes the connection during a long wait while the call continues. A client that can resume its stream
   * does so for the result; any other keeps its connection.
   */
  release(): void;
  /**
   * Obtains the user's consent to exactly this change. A client with elicitation is always asked; any other
   * gets `agreed: false` with a `confirm` value and calls again with it as `given`. Throws `cancelled` if the
   * user declines, and `conflict` if `given` was issued for a different change.
   */
  agree(proposal: Proposal, given?: string): Promise<Agreement>;
  /** A `confirm` value for this proposal, valid for an hour. */
  sealConfirm(proposal: Proposal): Promise<string>;
  /**
   * Whether a `confirm` value was issued for this proposal, user, app, tool and arguments, and has not
   * expired.
   */
  fitsConfirm(proposal: Proposal, given: string): Promise<boolean>;
  /**
   * The cursors of a long answer, valid for this user, app, tool and question.
   *
   * @param question - the arguments that choose and order the rows
   * @param position - what a cursor holds: the start of the next page
   */
  cursors<Position>(question: JsonValue, position: z.ZodType<Position>): Cursors<Position>;
  /** The tools of this URL that the policy lets this caller use, without those that only find and call others. */
  offered(): readonly OfferedTool[];
  /** For a tool that `composes` others. */
  tools: OtherTools;
  /** The policy by which the call was decided: SHA-256 of its document. */
  policyDigest: string;
  /** The publication by which the call was decided: its number, which only grows. */
  publication: number;
  /** Milliseconds until the call's deadline, which pauses while a person answers. */
  timeLeft(): number;
  /** Reports progress, if the client asked for it. */
  progress(done: number, total?: number, message?: string): void;
  /** Sends a log message to the client, if it is at or above the client's level. */
  log(level: LogLevel, data: JsonValue): void;
}
