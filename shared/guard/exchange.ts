import type { z } from "zod";
import type { PrincipalIdentity } from "../auth/principal.ts";
import type { Catalogue } from "../mcp/catalogue.ts";
import type { Answer, LogLevel, Question } from "../mcp/define.ts";
import type { JsonValue } from "../mcp/json.ts";
import type { SessionHome } from "../session/session-home.ts";

/** Which protocol generation a request came in. */
export type Lane = "sessionful" | "stateless";

/** What the two generations do differently while a call runs. */
export interface ClientChannel {
  /** Whether the client has declared that its person can be asked. */
  canAsk: boolean;
  progress(done: number, total?: number, message?: string): void;
  log(level: LogLevel, data: JsonValue): void;
  ask<Schema extends z.ZodObject>(question: Question<Schema>): Promise<Answer<Schema>>;
  sample(prompt: string, options?: { maxTokens?: number; system?: string }): Promise<string>;
}

/** One request of one identified client, as a lane hands it to the handlers. */
export interface Exchange {
  env: Env;
  catalogue: Catalogue;
  identity: PrincipalIdentity;
  lane: Lane;
  /** Unsealed session id, or `null` in the stateless lane. */
  sessionId: string | null;
  /** W3C trace id (32 hex digits) of the request. */
  traceId: string;
  session: SessionHome;
  channel: ClientChannel;
  /** Aborted when the client cancels or hangs up. */
  signal: AbortSignal;
  waitUntil(promise: Promise<unknown>): void;
  /** The grant or its person ended: the lane answers with HTTP 401, so that the client connects anew. */
  endAccess(): void;
}
