import type { ContextAccess, EntityReference } from "../call/entity-reference.ts";

import type { JsonValue } from "../encoding/json.ts";
import type { ContextOperation, SessionContext } from "../session/context.ts";
import type { SessionMemory } from "../session/session-memory.ts";

/** A tool's view of the session: reads a snapshot, collects changes, stores them once with the answer. */
export class ContextRecorder implements ContextAccess {
  readonly #snapshot: SessionContext;
  readonly #server: string | undefined;
  readonly #operations: ContextOperation[] = [];

  /** @param server - whose tool, resource or prompt remembers */
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

  /** Adds any other change to those that are stored with the answer. */
  record(operation: ContextOperation): void {
    this.#operations.push(operation);
  }

  /** Stores the changes. Before the answer leaves, so that the client's next call sees them. */
  async flush(memory: SessionMemory): Promise<void> {
    const operations = this.#operations.filter((operation) => !this.#isNoOp(operation));
    if (operations.length > 0) await memory.apply(operations);
  }

  #isNoOp(operation: ContextOperation): boolean {
    // The same customer asked about twice in a row must not cost a write.
    if (operation.kind !== "remember" || this.#operations.length > 1) return false;
    const [newest] = this.#snapshot.entities;
    const { entity } = operation;
    return newest?.type === entity.type && newest.id === entity.id && newest.label === entity.label;
  }
}
