import { evictAllDurableObjects } from "cloudflare:test";
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
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

describe("with read replicas on", () => {
  afterEach(() => {
    Object.assign(env, { D1_REPLICAS: "" });
    vi.restoreAllMocks();
  });

  it("a tool that reads begins anywhere, and after a person's write at what they wrote, on both lanes; others begin anywhere", async () => {
    Object.assign(env, { D1_REPLICAS: "on" });
    const begun: string[] = [];
    const database = Object.getPrototypeOf(env.CRM_DB) as D1Database;
    const { withSession } = database;
    vi.spyOn(database, "withSession").mockImplementation(function (this: D1Database, start) {
      expect(this === env.PLATFORM_DB).toBe(false);
      begun.push(String(start));
      return withSession.call(this, start);
    });
    const take = () => begun.splice(0);
    const open = (lane: (typeof LANES)[number], as: string) =>
      openSession({ server: "crm", lane, as, role: "sales" });
    const [writer, again, colleague] = [
      await open("stateless", "writes"),
      await open("sessionful", "writes"),
      await open("stateless", "colleague"),
    ];
    expect((await writer.call("crm_list_tasks")).isError).toBe(false);
    expect(take()).toEqual(["first-unconstrained"]);
    const { data } = await writer.call("crm_create_contact", {
      first_name: "Rita",
      last_name: "Replica",
      email: "rita@replica.example",
    });
    expect(take()).toEqual(["first-primary"]);
    for (const session of [writer, again]) {
      expect((await session.call("crm_find_contacts", { query: "Rita Replica" })).data.contacts[0].id).toBe(
        data.contact.id,
      );
    }
    const [first, second] = take();
    expect(first).toMatch(/^[0-9a-f-]{20,}$/);
    expect(second).toBe(first);
    await colleague.call("crm_find_contacts", { query: "Rita Replica" });
    expect(take()).toEqual(["first-unconstrained"]);
    Object.assign(env, { D1_REPLICAS: "" });
    await writer.call("crm_list_tasks");
    expect(take()).toEqual([]);
  });
});
