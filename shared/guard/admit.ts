import type { AuditEvent, CallDetails } from "../audit/record.ts";
import { ToolError } from "../mcp/errors.ts";
import type { JsonValue } from "../mcp/json.ts";
import type { ContextOperation, ResultHandle, SessionContext } from "../session/context.ts";
import type { ResultPage } from "../session/session-home.ts";
import type { Exchange } from "./exchange.ts";

/** What is written down before a call runs. */
export interface Intent extends CallDetails {
  userId: string;
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
  /** Adds an event to the chain of this object. Durable when it returns. */
  record(chain: string, event: AuditEvent): Promise<void>;
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
  { env, identity }: Exchange,
  details: CallDetails,
): Promise<SessionContext | null> {
  const admission = await principalGate(env, identity.userId).admit({ ...details, userId: identity.userId });
  if (!admission.admitted) throw new ToolError("forbidden", admission.reason);
  return admission.context;
}
