import { ToolError } from "../mcp/errors.ts";
import type { JsonValue } from "../mcp/json.ts";
import type { ContextOperation, ResultHandle, SessionContext } from "../session/context.ts";
import type { ResultPage } from "../session/session-home.ts";
import type { Exchange, Lane, Subject } from "./exchange.ts";

/** What is written down before a call runs. */
export interface Intent {
  callId: string;
  at: number;
  traceId: string;
  userId: string;
  clientId: string;
  sessionId: string | null;
  lane: Lane;
  kind: Subject["kind"];
  server: string;
  name: string;
}

/** How a call ended. */
export interface Outcome {
  callId: string;
  /** `ok`, or the error code. */
  status: string;
  durationMs: number;
  bytes: number;
}

/** The answer of the principal's object to an intent. `context` comes along for stateless clients: one trip. */
export type Admission =
  | { admitted: true; context: SessionContext | null }
  | { admitted: false; reason: string };

/** What the guard needs of the Principal object. `workers/principal` implements it. */
export interface PrincipalGate {
  admit(intent: Intent): Promise<Admission>;
  settle(outcome: Outcome): Promise<void>;
  applyContext(clientId: string, operations: readonly ContextOperation[]): Promise<void>;
  readContext(clientId: string): Promise<SessionContext>;
  keepResult(clientId: string, handle: ResultHandle, rows: readonly JsonValue[]): Promise<void>;
  readResult(clientId: string, handle: string, offset: number, limit: number): Promise<ResultPage | null>;
}

/** The one object of a user. Its name is the opaque user id. */
export function principalGate(env: Env, userId: string): PrincipalGate {
  return env.PRINCIPAL.get(env.PRINCIPAL.idFromName(userId)) as unknown as PrincipalGate;
}

/**
 * Step 2: one round trip to the user's Principal object. When it returns, the intent is durable; only then may
 * anything run. Throws `forbidden` when the object refuses.
 */
export async function admit(
  exchange: Exchange,
  subject: Subject,
  callId: string,
  at: number,
): Promise<SessionContext | null> {
  const { identity } = exchange;
  const admission = await principalGate(exchange.env, identity.userId).admit({
    callId,
    at,
    traceId: exchange.traceId,
    userId: identity.userId,
    clientId: identity.clientId,
    sessionId: exchange.sessionId,
    lane: exchange.lane,
    kind: subject.kind,
    server: subject.server,
    name: subject.name,
  });
  if (!admission.admitted) throw new ToolError("forbidden", admission.reason);
  return admission.context;
}
