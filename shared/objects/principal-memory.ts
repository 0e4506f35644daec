import type { PrincipalIdentity } from "../call/principal.ts";
import type { JsonValue } from "../encoding/json.ts";
import type { ContextOperation, ResultHandle } from "../session/context.ts";
import type { SessionMemory } from "../session/session-memory.ts";
import { principalGate } from "./principal-gate.ts";

/** Memory of a stateless client: in the user's Principal object, separate from the user's other clients. */
export function createPrincipalMemory(env: Env, { userId, clientId }: PrincipalIdentity): SessionMemory {
  const gate = () => principalGate(env, userId);
  return {
    read: () => gate().readContext(clientId),
    apply: (operations: readonly ContextOperation[]) => gate().applyContext(clientId, operations),
    keepResult: (handle: ResultHandle, rows: readonly JsonValue[]) =>
      gate().keepResult(clientId, handle, rows),
    readResult: (handle, offset, limit) => gate().readResult(clientId, handle, offset, limit),
  };
}
