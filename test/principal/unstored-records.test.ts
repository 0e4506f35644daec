import { createExecutionContext, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { app } from "../../workers/gateway/app.ts";
import { deliverAll, intentOf, linksOf, principalOf, takenAt, withTrail } from "../audit/trail.ts";

const MINUTE_MS = 60_000;

async function ready() {
  const request = new Request(new URL("/ready", env.PUBLIC_URL));
  // An answer is kept for some seconds for each environment object.
  const response = await app.fetch(request, { ...env }, createExecutionContext());
  return { status: response.status, body: await response.json<Record<string, unknown>>() };
}

/** A call some minutes ago, whose records are not in the database. */
async function makeCall(user: string, minutesAgo: number): Promise<void> {
  const at = Date.now() - minutesAgo * MINUTE_MS;
  await withTrail(user, (trail) => trail.open(intentOf(user, `call of ${user}`), at, takenAt(at)));
  await runInDurableObject(principalOf(user), (_object, state) =>
    state.storage.setAlarm(Date.now() + 60_000),
  );
}

/** Runs the alarm of a user's object during an outage of the queue. */
async function ringWithoutQueue(user: string): Promise<void> {
  const object = principalOf(user);
  await runInDurableObject(object, (principal) => {
    const bound = principal as unknown as { env: object };
    bound.env = { ...bound.env, CALL_QUEUE: { send: () => Promise.reject(new Error("Queue is away")) } };
  });
  expect(await runDurableObjectAlarm(object)).toBe(true);
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe("a record that has not reached the database after minutes", () => {
  it("is named by /ready and by a log line, the oldest of all, until it is stored", async () => {
    const lines = vi.spyOn(console, "error").mockImplementation(() => {});
    expect((await ready()).status).toBe(200);
    await makeCall("user_later", 8);
    await makeCall("user_oldest", 90);
    for (const user of ["user_later", "user_oldest"]) await ringWithoutQueue(user);
    const [oldest] = await linksOf("user_oldest");
    const { status, body } = await ready();
    expect(status).toBe(503);
    expect(body.failing).toEqual(["audit_trail"]);
    expect(body.oldest_record_not_stored).toMatchObject({ sequence: 1, hash: oldest?.hash });
    expect(JSON.stringify(body)).not.toContain("user_oldest");
    expect(lines.mock.calls.flat().join("\n")).toMatch(/audit_records_not_stored.*user_oldest","sequence":1/);
    await deliverAll("user_oldest");
    expect((await ready()).body.oldest_record_not_stored).toMatchObject({ sequence: 1 });
    await deliverAll("user_later");
    expect((await ready()).status).toBe(200);
  });

  it("is not named while it is only seconds old", async () => {
    await makeCall("user_fresh", 1);
    await ringWithoutQueue("user_fresh");
    expect((await ready()).status).toBe(200);
  });
});
