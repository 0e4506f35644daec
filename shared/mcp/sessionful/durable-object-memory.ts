import type { JsonValue } from "../../encoding/json.ts";
import {
  applyOperation,
  type ContextOperation,
  type ResultHandle,
  type SessionContext,
} from "../../session/context.ts";
import type { ResultStore } from "../../session/result-store.ts";
import type { SessionMemory } from "../../session/session-memory.ts";

/** Constant owner: everything in a session's object belongs to the session. */
const SELF = "session";

/** The memory of a session in its own Durable Object. */
export function createDurableObjectMemory(
  results: ResultStore,
  context: { read(): SessionContext; write(context: SessionContext): void },
): SessionMemory {
  return {
    read: async () => context.read(),
    apply: async (operations: readonly ContextOperation[]) => {
      for (const operation of operations) {
        if (operation.kind === "clear" && operation.parts.includes("handles")) results.clear(SELF);
      }
      context.write(operations.reduce(applyOperation, context.read()));
    },
    keepResult: async (handle: ResultHandle, rows: readonly JsonValue[]) =>
      results.keep(SELF, handle.handle, rows, handle.createdAt),
    readResult: async (handle, offset, limit) => results.page(SELF, handle, offset, limit),
  };
}
