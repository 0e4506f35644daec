import { evictAllDurableObjects } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { PersonState } from "../../workers/principal/person-state.ts";
import { LANES, openSession } from "../support/session.ts";

/** A platform database that answers when the test says so. */
function database() {
  const state = { role: "sales" as string | null, reads: 0, down: false };
  const read = async () => {
    state.reads += 1;
    if (state.down) throw new Error("D1 is away");
    return state.role;
  };
  return { state, person: new PersonState(read) };
}

describe("a person's state", () => {
  it("is read once for calls at the same time, and not again for 15 seconds", async () => {
    const { state, person } = database();
    await Promise.all(Array.from({ length: 50 }, () => person.role("ada", 0)));
    expect(await person.role("ada", 14_999)).toBe("sales");
    expect(state.reads).toBe(1);
  });

  it("is read behind the back of a call from then on, so that a busy person waits for nothing", async () => {
    const { state, person } = database();
    await person.role("ada", 0);
    state.role = null;
    expect(await person.role("ada", 15_000)).toBe("sales");
    expect(await person.role("ada", 15_001)).toBeNull();
  });

  it("is never used when it is 30 seconds old", async () => {
    const { state, person } = database();
    await person.role("ada", 0);
    state.role = "viewer";
    expect(await person.role("ada", 30_000)).toBe("viewer");
  });

  it("is read again when the clock jumps back", async () => {
    const { state, person } = database();
    await person.role("ada", 100_000);
    state.role = null;
    expect(await person.role("ada", 99_000)).toBeNull();
  });

  it("outlives a short failure of the database, and nothing passes after 30 seconds of it", async () => {
    const { state, person } = database();
    await person.role("ada", 0);
    state.down = true;
    expect(await person.role("ada", 29_999)).toBe("sales");
    await expect(person.role("ada", 30_000)).rejects.toThrow();
    state.down = false;
    expect(await person.role("ada", 30_001)).toBe("sales");
  });
});

describe.each(LANES)("on the %s lane", (lane) => {
  const change = (id: string, column: "disabled" | "role", value: string | number) =>
    env.PLATFORM_DB.prepare(`UPDATE "user" SET "${column}" = ? WHERE "id" = ?`).bind(value, id).run();

  it("a disabled person is refused in an open session with a token that still validates", async () => {
    const session = await openSession({ server: "crm", lane, as: `disabled_${lane}` });
    expect((await session.call("context_get")).isError).toBe(false);
    await change(`user_disabled_${lane}`, "disabled", 1);
    // What the object knew is in its memory: an eviction stands for the 30 seconds that the tests above count.
    await evictAllDurableObjects();
    const request = { name: "context_get", arguments: {} };
    expect((await session.request("tools/call", request)).status).toBe(401);
  });

  it("a lower role counts, whatever the token says", async () => {
    const session = await openSession({ server: "crm", lane, as: `lowered_${lane}`, role: "sales" });
    const create = () => session.call("crm_create_contact", { full_name: "Nora New" });
    await change(`user_lowered_${lane}`, "role", "viewer");
    // As above: opening the session has told the object the role of that moment.
    await evictAllDurableObjects();
    expect((await create()).error).toMatchObject({
      code: "forbidden",
      message: 'The role "viewer" does not include crm_create_contact.',
    });
    expect((await session.call("crm_list_deals")).isError).toBe(false);
  });
});
