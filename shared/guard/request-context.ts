import type { z } from "zod";
import type { ClientAbilities } from "../call/client-abilities.ts";
import type { Met } from "../call/flow-labels.ts";
import type { Inquiry } from "../call/input-needed.ts";
import type { LogLevel } from "../call/log-level.ts";
import type { PrincipalIdentity } from "../call/principal.ts";
import type { Answer, Question } from "../call/question.ts";
import type { JsonValue } from "../encoding/json.ts";
import type { Policy } from "../policy/compile.ts";
import type { Catalogue } from "../server/catalogue.ts";
import type { SessionMemory } from "../session/session-memory.ts";

/** Protocol generation of a request. */
export type Lane = "sessionful" | "stateless";

/** A page that the user should open. */
export interface PageVisit {
  /** Unique within a session. */
  id: string;
  /** Tells the questions of a call apart. */
  key: string;
  /** Why the user should open it. */
  message: string;
  url: string;
}

/** What differs between the two generations while a call runs. */
export interface ClientChannel {
  progress(done: number, total?: number, message?: string): void;
  log(level: LogLevel, data: JsonValue): void;
  ask<Schema extends z.ZodObject>(question: Question<Schema>): Promise<Answer<Schema>>;
  sample(prompt: string, options?: { maxTokens?: number; system?: string }): Promise<string>;
  /** Puts a question of another system to the client; see `AskingContext.relay`. */
  relay(inquiry: Inquiry): Promise<unknown>;
  /** Whether the result may be a task (MCP extension `io.modelcontextprotocol/tasks`). */
  tasks: boolean;
  /** Capabilities that the client declares. */
  abilities: ClientAbilities;
  /**
   * Whether the client can show a form to the user, and open a page for them (MCP 2025-11-25, «Elicitation»).
   */
  elicits: { form: boolean; url: boolean };
  /** Closes the connection while the call goes on, if the client can resume its stream (SEP-1699). */
  release(): void;
  /** Whether the client shows interactive views (SEP-1865). */
  showsViews: boolean;
  /** Sends the user to a page. `accept` only means that the user agreed to open it. */
  visit(page: PageVisit): Promise<"accept" | "decline" | "cancel">;
  /** Tells the client that the page needs no further action. */
  endVisit(id: string): void;
}

/**
 * One authenticated request, as a lane passes it to the handlers. It does not change: a step of the guard that learns more
 * about it gives the next step a new one.
 */
export interface RequestContext {
  readonly env: Env;
  readonly catalogue: Catalogue;
  readonly identity: PrincipalIdentity;
  /** Policy in force when the request arrived; once admitted, that of its admission. */
  readonly policy: Policy;
  readonly lane: Lane;
  /** Unsealed session id, or `null` in the stateless lane. */
  readonly sessionId: string | null;
  /** W3C trace id (32 hex digits) of the request. */
  readonly traceId: string;
  readonly session: SessionMemory;
  readonly channel: ClientChannel;
  /** What the session had met before this call was admitted; set by the guard. */
  readonly met?: readonly Met[];
  /** A call that comes back with answers, and the signed state that says what they answer. The state counts once. */
  readonly continued?: { readonly stateId: string; forgetAnswers(): void };
  /** Aborted when the client cancels or hangs up. */
  readonly signal: AbortSignal;
  waitUntil(promise: Promise<unknown>): void;
  /**
   * Called when the grant or user has ended: the lane responds with HTTP 401, so that the client reconnects.
   */
  endAccess(): void;
  /**
   * Called when the result says when to retry: the lane adds a `retry-after` header unless the response is a
   * stream.
   */
  retryAfter(seconds: number): void;
}
