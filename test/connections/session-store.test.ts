import { describe, expect, it } from "vitest";
import type { Session } from "../../workers/connections/connector.ts";
import { beginAgain, SessionStore } from "../../workers/objects/connections/session-store.ts";

/** A session whose driver calls nothing back once it is closed. */
function openSilent(more: Partial<Session> = {}): Session & { isClosed: boolean } {
  const session: Session & { isClosed: boolean } = {
    isClosed: false,
    isUsable: () => !session.isClosed,
    run: () => never(),
    inspect: () => never(),
    cancel: async () => {},
    close: () => {
      session.isClosed = true;
    },
    ...more,
  };
  return session;
}

const never = () => new Promise<never>(() => {});

/** What became of a promise by now, after everything that was ready has run. */
async function stateOf(promise: Promise<unknown>): Promise<"done" | "open"> {
  let state: "done" | "open" = "open";
  const end = () => {
    state = "done";
  };
  promise.then(end, end);
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  return state;
}

describe("sessions whose secret changes", () => {
  it("serve a read once more after each of two changes in a row, and keep none of the closed ones", async () => {
    const store = new SessionStore();
    const opened: ReturnType<typeof openSilent>[] = [];
    const answer = beginAgain(async () => {
      const session = openSilent();
      opened.push(session);
      store.adopt(session, "first", true);
      try {
        return await store.serve(session, opened.length < 3 ? never : async () => "answered");
      } finally {
        store.giveBack(session);
      }
    });
    for (const count of [1, 2]) {
      expect(opened).toHaveLength(count);
      store.closeAll();
      for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
    }
    expect(await answer).toBe("answered");
    expect(opened.map(({ isClosed }) => isClosed)).toEqual([true, true, false]);
    expect(store.size).toBe(1);
    store.closeAll();
  });

  it("send no read over a socket that was closed between its opening and the read, which is no outage", async () => {
    const store = new SessionStore();
    const session = openSilent();
    store.adopt(session, "first", true);
    store.closeAll();
    let sent = false;
    const serving = store.serve(session, async () => {
      sent = true;
    });
    await expect(serving).rejects.toMatchObject({ failure: { code: "unavailable" } });
    expect(sent).toBe(false);
  });

  it("hold other calls back until each write of a former secret has ended, also one that a second change meets", async () => {
    const store = new SessionStore();
    const [first, second] = [openSilent(), openSilent()];
    store.adopt(first, "first", false);
    store.closeAll();
    const waiting = store.formerEnded(60_000);
    // It was being opened when the secret changed, and has the new one.
    store.adopt(second, "first", false);
    store.closeAll();
    store.giveBack(first);
    expect(await stateOf(waiting)).toBe("open");
    store.giveBack(second);
    expect(await stateOf(waiting)).toBe("done");
    expect([first.isClosed, second.isClosed]).toEqual([true, true]);
  });

  it("wait for no system whose requests carry their credential", async () => {
    const store = new SessionStore();
    const session = openSilent({ signsEachRequest: true });
    store.adopt(session, "first", true);
    store.closeAll();
    expect(await stateOf(store.formerEnded(60_000))).toBe("done");
    expect(session.isClosed).toBe(false);
    store.giveBack(session);
    expect(session.isClosed).toBe(true);
  });
});
