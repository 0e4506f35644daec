import type { EntityReference } from "../call/entity-reference.ts";
import type { JsonValue } from "../encoding/json.ts";
import { maskStored } from "../redact/mask-stored.ts";
import { cutText } from "../text/well-formed.ts";

/** Names a large result that is stored with the session; its rows are read page by page. */
export interface ResultHandle {
  handle: string;
  tool: string;
  rows: number;
  /** Milliseconds since the epoch. */
  createdAt: number;
}

/** The memory of a session. Plain JSON: it is stored in a Durable Object and crosses RPC. */
export interface SessionContext {
  /** Arguments that later calls inherit when they omit them. */
  defaults: Record<string, JsonValue>;
  entities: EntityReference[];
  handles: ResultHandle[];
  /** Short texts that the model wants to keep; newest last. */
  notes: string[];
  /** Number of old entries that were dropped, by kind, so that the loss is visible. */
  compacted: { entities: number; notes: number; handles: number };
}

/** A change to a session's context. Serialisable, so that another object can apply it. */
export type ContextOperation =
  | { kind: "set_defaults"; defaults: Record<string, JsonValue | null> }
  | { kind: "remember"; entity: EntityReference }
  | { kind: "note"; text: string }
  | { kind: "add_handle"; handle: ResultHandle }
  | { kind: "clear"; parts: readonly ContextPart[] };

/** Parts that can be cleared separately. */
export type ContextPart = "defaults" | "entities" | "handles" | "notes";

/** Upper bounds that keep a context small enough to read on every call. */
export const CONTEXT_LIMITS = {
  defaults: 20,
  entities: 25,
  handles: 10,
  notes: 30,
  noteLength: 500,
} as const;

/** An empty context. */
export function emptyContext(): SessionContext {
  return {
    defaults: {},
    entities: [],
    handles: [],
    notes: [],
    compacted: { entities: 0, notes: 0, handles: 0 },
  };
}

/**
 * Applies one change and returns the new context; the old one is not modified. Pure, so that the session's
 * object and the principal's object apply the same rules. Values that must not be stored are masked here.
 * Entries over {@link CONTEXT_LIMITS} are dropped oldest first and counted in `compacted`.
 */
export function applyOperation(context: SessionContext, operation: ContextOperation): SessionContext {
  switch (operation.kind) {
    case "set_defaults":
      return { ...context, defaults: mergeDefaults(context.defaults, maskStored(operation.defaults)) };
    case "remember": {
      const entity = maskStored(operation.entity);
      const { type, id } = entity;
      const others = context.entities.filter((other) => other.type !== type || other.id !== id);
      const entities = [entity, ...others];
      return keepNewest(
        context,
        { entities: entities.slice(0, CONTEXT_LIMITS.entities) },
        "entities",
        entities.length,
      );
    }
    case "note": {
      const notes = [...context.notes, cutText(maskStored(operation.text), CONTEXT_LIMITS.noteLength)];
      return keepNewest(context, { notes: notes.slice(-CONTEXT_LIMITS.notes) }, "notes", notes.length);
    }
    case "add_handle": {
      const handles = [operation.handle, ...context.handles];
      return keepNewest(
        context,
        { handles: handles.slice(0, CONTEXT_LIMITS.handles) },
        "handles",
        handles.length,
      );
    }
    case "clear": {
      const empty = emptyContext();
      const cleared = { ...context };
      for (const part of operation.parts) Object.assign(cleared, { [part]: empty[part] });
      return cleared;
    }
  }
}

function mergeDefaults(
  current: Record<string, JsonValue>,
  changes: Record<string, JsonValue | null>,
): Record<string, JsonValue> {
  const entries = Object.entries({ ...current, ...changes }).filter(([, value]) => value !== null);
  return Object.fromEntries(entries.slice(-CONTEXT_LIMITS.defaults)) as Record<string, JsonValue>;
}

function keepNewest(
  context: SessionContext,
  change: Partial<SessionContext>,
  part: "entities" | "notes" | "handles",
  before: number,
): SessionContext {
  const dropped = Math.max(0, before - CONTEXT_LIMITS[part]);
  return {
    ...context,
    ...change,
    compacted: { ...context.compacted, [part]: context.compacted[part] + dropped },
  };
}
