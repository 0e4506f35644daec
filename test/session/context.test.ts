import { evictAllDurableObjects } from "cloudflare:test";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  applyOperation,
  CONTEXT_LIMITS,
  type ContextOperation,
  emptyContext,
} from "../../shared/session/context.ts";
import { LANES, openSession } from "../support/session.ts";

describe.each(LANES)("session memory on the %s lane", (lane) => {
  it("keeps defaults and notes across calls and evictions", async () => {
    const session = await openSession({ server: "knowledge", lane });
    await session.call("context_set", {
      defaults: { collection: "handbook" },
      note: "prefers short answers",
    });
    await evictAllDurableObjects();
    const { data } = await session.call("context_get");
    expect(data.defaults).toEqual({ collection: "handbook" });
    expect(data.notes).toEqual(["prefers short answers"]);
  });

  it("removes a default that is set to null and refuses an unknown one", async () => {
    const session = await openSession({ server: "knowledge", lane });
    await session.call("context_set", { defaults: { collection: "handbook" } });
    expect((await session.call("context_set", { defaults: { collection: null } })).data.defaults).toEqual({});
    const { error } = await session.call("context_set", { defaults: { favourite_colour: "blue" } });
    expect(error).toMatchObject({ code: "invalid_input" });
    expect(error?.message).toContain("favourite_colour");
  });

  it("deletes the named parts, or everything", async () => {
    const session = await openSession({ server: "knowledge", lane });
    await session.call("context_set", { defaults: { collection: "handbook" }, note: "one" });
    await session.call("context_clear", { parts: ["notes"] });
    expect((await session.call("context_get")).data).toMatchObject({
      notes: [],
      defaults: { collection: "handbook" },
    });
    await session.call("context_clear");
    const { data: empty } = await session.call("context_get");
    expect(empty).toMatchObject({ notes: [], defaults: {}, entities: [], handles: [] });
  });

  it("belongs to one user: a colleague sees nothing of it", async () => {
    const alice = await openSession({ server: "knowledge", lane });
    const bob = await openSession({ server: "knowledge", lane, as: "bob" });
    await alice.call("context_set", { note: "secret plan" });
    expect((await bob.call("context_get")).data.notes).toEqual([]);
  });
});

const operation: fc.Arbitrary<ContextOperation> = fc.oneof(
  fc.record({
    kind: fc.constant("remember" as const),
    entity: fc.record({ type: fc.constantFrom("deal", "contact"), id: fc.string(), label: fc.string() }),
  }),
  fc.record({ kind: fc.constant("note" as const), text: fc.string({ maxLength: 900 }) }),
  fc.record({
    kind: fc.constant("set_defaults" as const),
    defaults: fc.dictionary(fc.string(), fc.option(fc.string(), { nil: null })),
  }),
);

describe("the rules of session memory", () => {
  it("stays within its limits, and counts what it compacts", () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 120 }), (operations) => {
        const context = operations.reduce(applyOperation, emptyContext());
        expect(context.entities.length).toBeLessThanOrEqual(CONTEXT_LIMITS.entities);
        expect(context.notes.length).toBeLessThanOrEqual(CONTEXT_LIMITS.notes);
        expect(Object.keys(context.defaults).length).toBeLessThanOrEqual(CONTEXT_LIMITS.defaults);
        const noted = operations.filter(({ kind }) => kind === "note").length;
        expect(context.notes.length + context.compacted.notes).toBe(noted);
        const keys = context.entities.map(({ type, id }) => `${type} ${id}`);
        expect(new Set(keys).size).toBe(keys.length);
      }),
    );
  });

  it("puts the latest entity last", () => {
    const remember = (id: string): ContextOperation => ({
      kind: "remember",
      entity: { type: "deal", id, label: id },
    });
    const context = ["a", "b", "a"].map(remember).reduce(applyOperation, emptyContext());
    expect(context.entities.map(({ id }) => id)).toEqual(["a", "b"]);
  });
});
