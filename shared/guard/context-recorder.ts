import type { ContextAccess, EntityReference } from "../call/entity-reference.ts";

import type { JsonValue } from "../encoding/json.ts";
import type { ContextOperation, SessionContext } from "../session/context.ts";
import type { SessionMemory } from "../session/session-memory.ts";

/** A tool's view of the session: reads a snapshot, collects changes, stores them once with the result. */
export class ContextRecorder implements ContextAccess {
  readonly #snapshot: SessionContext;
  readonly #server: string | undefined;
  readonly #operations: ContextOperation[] = [];

  /** @param server - server whose tool, resource or prompt uses the session */
  constructor(snapshot: SessionContext, server?: string) {
    this.#snapshot = snapshot;
    this.#server = server;
  }

  get defaults(): Readonly<Record<string, JsonValue>> {
    return this.#snapshot.defaults;
  }

  recent(type?: string): readonly EntityReference[] {
    const { entities } = this.#snapshot;
    return type === undefined ? entities : entities.filter((entity) => entity.type === type);
  }

  remember(entity: EntityReference): void {
    const from = this.#server === undefined ? {} : { server: this.#server };
    this.#operations.push({ kind: "remember", entity: { ...entity, ...from } });
  }

  /** Adds another change to those that are stored with the result. */
  record(operation: ContextOperation): void {
    this.#operations.push(operation);
  }

  /** Stores the changes. Called before the result is sent, so that the client's next call sees them. */
  async flush(memory: SessionMemory): Promise<void> {
    const operations = this.#operations.filter((operation) => !this.#isNoOp(operation));
    if (operations.length > 0) await memory.apply(operations);
  }

  #isNoOp(operation: ContextOperation): boolean {
    // A repeated question about the same record must not cost a write.
    if (operation.kind !== "remember" || this.#operations.length > 1) return false;
    const [newest] = this.#snapshot.entities;
    const { entity } = operation;
    return newest?.type === entity.type && newest.id === entity.id && newest.label === entity.label;
  }
}
