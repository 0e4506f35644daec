import { evictAllDurableObjects } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { FactsMemory } from "../../workers/objects/principal/facts-memory.ts";
import {
  type DatedFacts,
  type PersonFacts,
  PersonState,
  type ReadFacts,
} from "../../workers/objects/principal/person-state.ts";
import { LANES, openSession } from "../support/session.ts";

const IN_FORCE = { publication: 0, version: 1, digest: null, catalogues: null };

const MINUTE = 60_000;

/** What outlives an eviction. */
function memory(): FactsMemory {
  let kept: DatedFacts | undefined;
  return {
    read: () => kept,
    keep: (known) => {
      kept = known;
    },
    clear: () => {
      kept = undefined;
    },
  };
}

/** A state whose calls are out of patience at once, or never. */
function personState(read: ReadFacts, clock: () => number, { patient = true, kept = memory() } = {}) {
  const wait = patient ? () => new Promise<void>(() => {}) : async () => {};
  return new PersonState(read, kept, { clock, wait });
}

/** A platform database that answers on the test's command, and the test's clock. */
function database() {
  const state = { role: "sales" as string | null, version: 1, reads: 0, down: false, now: 0 };
  const kept = memory();
  const read = async () => {
    state.reads += 1;
    if (state.down) throw new Error("D1 is away");
    return { role: state.role, policy: { ...IN_FORCE, version: state.version } };
  };
  const open = (options = {}) => personState(read, () => state.now, { kept, ...options });
  const person = open();
  const at = async (now: number, of = person) => {
    state.now = now;
    const { role, policy } = await of.facts("ada");
    return `${role} ${policy.version}`;
  };
  return { state, person, at, open };
}

describe("a user's state", () => {
  it("is read once for concurrent calls, and not again for 15 seconds", async () => {
    const { state, at } = database();
    await Promise.all(Array.from({ length: 50 }, () => at(0)));
    expect(await at(14_999)).toBe("sales 1");
    expect(state.reads).toBe(1);
  });

  it("is read in the background from then on, so that calls do not wait", async () => {
    const { state, at } = database();
    await at(0);
    Object.assign(state, { role: null, version: 2 });
    expect(await at(15_000)).toBe("sales 1");
    expect(await at(15_001)).toBe("null 2");
  });

  it("is never used when it is 30 seconds old", async () => {
    const { state, at } = database();
    await at(0);
    Object.assign(state, { role: "viewer", version: 2 });
    expect(await at(30_000)).toBe("viewer 2");
  });

  it("is never used when its read started 30 seconds ago, however long the database took to answer", async () => {
    const answers: ((facts: PersonFacts) => void)[] = [];
    let now = 0;
    const read = () => new Promise<PersonFacts>((answer) => answers.push(answer));
    const asked = personState(read, () => now).facts("ada");
    now = 30_000;
    answers[0]?.({ role: "admin", policy: IN_FORCE });
    await expect.poll(() => answers.length).toBe(2);
    answers[1]?.({ role: "viewer", policy: IN_FORCE });
    expect((await asked).role).toBe("viewer");
  });

  it("is not awaited longer than 5 seconds when a read hangs, and that read is discarded", async () => {
    const answers: ((facts: PersonFacts) => void)[] = [];
    let now = 0;
    const read = () => new Promise<PersonFacts>((answer) => answers.push(answer));
    const person = personState(read, () => now);
    void person.facts("ada");
    now = 5_000;
    const second = person.facts("ada");
    answers[1]?.({ role: "viewer", policy: IN_FORCE });
    expect((await second).role).toBe("viewer");
    answers[0]?.({ role: "admin", policy: IN_FORCE });
    expect((await person.facts("ada")).role).toBe("viewer");
  });

  it("is read again when the clock jumps back", async () => {
    const { state, at } = database();
    await at(100_000);
    state.role = null;
    expect(await at(99_000)).toBe("null 1");
  });

  it("stays in use for 15 minutes while the database fails, and no longer", async () => {
    const { state, at } = database();
    await at(0);
    state.down = true;
    expect(await at(MINUTE)).toBe("sales 1");
    expect(await at(15 * MINUTE - 1)).toBe("sales 1");
    await expect(at(15 * MINUTE)).rejects.toThrow("away");
    state.down = false;
    expect(await at(16 * MINUTE)).toBe("sales 1");
  });

  it("stays in use in an object that was evicted during a failure, and is read first otherwise", async () => {
    const { state, at, open } = database();
    await at(0);
    state.role = "viewer";
    expect(await at(1, open())).toBe("viewer 1");
    Object.assign(state, { role: "admin", down: true });
    expect(await at(MINUTE, open())).toBe("viewer 1");
  });

  it("is not kept beyond a change that was told: calls are refused until the database answers", async () => {
    const { state, person, at, open } = database();
    await at(0);
    state.down = true;
    person.forget();
    await expect(at(1)).rejects.toThrow("away");
    await expect(at(2, open())).rejects.toThrow("away");
  });

  it("is not kept under a newer publication of the policy", async () => {
    const { state, person, at } = database();
    await at(0);
    state.down = true;
    person.expect(1);
    await expect(at(1)).rejects.toThrow("away");
  });

  it("is used by calls that run out of patience, and for 5 seconds none of them asks", async () => {
    let now = 0;
    let reads = 0;
    const answers: ((facts: PersonFacts) => void)[] = [];
    const person = personState(
      () => {
        reads += 1;
        return new Promise<PersonFacts>((answer) => answers.push(answer));
      },
      () => now,
      { patient: false },
    );
    const first = person.facts("ada");
    answers[0]?.({ role: "sales", policy: IN_FORCE });
    await first;
    now = MINUTE;
    expect((await person.facts("ada")).role).toBe("sales");
    now = MINUTE + 4_999;
    expect((await person.facts("ada")).role).toBe("sales");
    expect(reads).toBe(2);
    // The late answer counts as soon as it is there.
    answers[1]?.({ role: "viewer", policy: IN_FORCE });
    now = MINUTE + 5_000;
    await expect.poll(async () => (await person.facts("ada")).role).toBe("viewer");
  });
});

describe.each(LANES)("on the %s lane", (lane) => {
  const change = (id: string, column: "disabled" | "role", value: string | number) =>
    env.PLATFORM_DB.prepare(`UPDATE "user" SET "${column}" = ? WHERE "id" = ?`).bind(value, id).run();

  it("a disabled user is refused in an open session with a token that still validates", async () => {
    const session = await openSession({ server: "crm", lane, as: `disabled_${lane}` });
    expect((await session.call("context_get")).isError).toBe(false);
    await change(`user_disabled_${lane}`, "disabled", 1);
    // Clears the object's cache: an eviction stands for the 30 seconds that the tests above measure.
    await evictAllDurableObjects();
    const request = { name: "context_get", arguments: {} };
    expect((await session.request("tools/call", request)).status).toBe(401);
  });

  it("a lower role applies, whatever the token contains", async () => {
    const session = await openSession({ server: "crm", lane, as: `lowered_${lane}`, role: "sales" });
    const create = () => session.call("crm_create_contact", { full_name: "Nora New" });
    await change(`user_lowered_${lane}`, "role", "viewer");
    // As above: the object has cached the role since the session was opened.
    await evictAllDurableObjects();
    expect((await create()).error).toMatchObject({
      code: "forbidden",
      message: 'The role "viewer" does not include crm_create_contact.',
    });
    expect((await session.call("crm_list_deals")).isError).toBe(false);
  });
});
