import type { PrincipalIdentity } from "../call/principal.ts";
import type { JsonValue } from "../encoding/json.ts";
import type { ContextOperation, ResultHandle } from "../session/context.ts";
import type { SessionMemory } from "../session/session-memory.ts";
import { principalGate } from "./principal-gate.ts";

/** A stateless client's memory: in its person's Principal object, apart from the person's other clients. */
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
