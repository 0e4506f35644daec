import type { z } from "zod";
import type { ClientAbilities } from "../call/client-abilities.ts";
import type { LogLevel } from "../call/log-level.ts";
import type { PrincipalIdentity } from "../call/principal.ts";
import type { Answer, Question } from "../call/question.ts";
import type { JsonValue } from "../encoding/json.ts";
import type { Policy } from "../policy/compile.ts";
import type { Catalogue } from "../server/catalogue.ts";
import type { SessionMemory } from "../session/session-memory.ts";

/** Which protocol generation a request came in. */
export type Lane = "sessionful" | "stateless";

/** A page that the person is to open. */
export interface PageVisit {
  /** Unique among the visits of a session. */
  id: string;
  /** Why. */
  message: string;
  url: string;
}

/** What the two generations do differently while a call runs. */
export interface ClientChannel {
  progress(done: number, total?: number, message?: string): void;
  log(level: LogLevel, data: JsonValue): void;
  ask<Schema extends z.ZodObject>(question: Question<Schema>): Promise<Answer<Schema>>;
  sample(prompt: string, options?: { maxTokens?: number; system?: string }): Promise<string>;
  /** Whether an answer may be a task (MCP extension `io.modelcontextprotocol/tasks`). */
  tasks: boolean;
  /** What the client says that it can be asked. */
  abilities: ClientAbilities;
  /** Whether the client can show a form to its person, and open a page for them (MCP 2025-11-25, «Elicitation»). */
  elicits: { form: boolean; url: boolean };
  /** Closes the connection while the call goes on, where the client can come back for the answer (SEP-1699). */
  release(): void;
  /** Whether the client shows interactive views (SEP-1865). */
  showsViews: boolean;
  /** Sends the person to a page. `accept` says that they agreed to go there, and nothing of what they did there. */
  visit(page: PageVisit): Promise<"accept" | "decline" | "cancel">;
  /** Tells the client that nothing is left to do on the page. */
  endVisit(id: string): void;
}

/** One request of one identified client, as a lane hands it to the handlers. */
export interface RequestContext {
  env: Env;
  catalogue: Catalogue;
  identity: PrincipalIdentity;
  /** The policy in force when the request came in. */
  policy: Policy;
  lane: Lane;
  /** Unsealed session id, or `null` in the stateless lane. */
  sessionId: string | null;
  /** W3C trace id (32 hex digits) of the request. */
  traceId: string;
  session: SessionMemory;
  channel: ClientChannel;
  /** A call that comes back with answers, and the signed state that says what they answer. The state counts once. */
  continued?: { stateId: string; forgetAnswers(): void };
  /** Aborted when the client cancels or hangs up. */
  signal: AbortSignal;
  waitUntil(promise: Promise<unknown>): void;
  /** The grant or its person ended: the lane answers with HTTP 401, so that the client connects anew. */
  endAccess(): void;
  /** The answer says when to call again: the lane says so in the header `retry-after` too, if the answer is one piece. */
  retryAfter(seconds: number): void;
}
