import { afterEach, expect, it, vi } from "vitest";
import { connectionEntry } from "../../shared/connections/entry.ts";
import type { ConnectionTarget } from "../../shared/objects/connection-gate.ts";
import { BoundSecret } from "../../workers/objects/connections/bound-secret.ts";

const TARGET: ConnectionTarget = {
  name: "shop",
  revision: "r",
  entry: connectionEntry.parse({
    ...{ kind: "redis", title: "Shop", description: "Shop.", owner: "x" },
    reach: { host: "127.0.0.1", tls: "off", user: "reader" },
    expose: { prefixes: ["a"] },
    secret: { secrets_store: "SHOP" },
  }),
};

afterEach(() => vi.useRealTimers());

/** A secret whose reads are answered by the test, and how often sessions were closed. */
function start() {
  const reads: PromiseWithResolvers<string>[] = [];
  const get = () => {
    const read = Promise.withResolvers<string>();
    reads.push(read);
    return read.promise;
  };
  const bound = new BoundSecret();
  const closed = vi.fn(async () => {});
  const check = (mostMs = 60_000) => bound.check({ SHOP: { get } } as unknown as Env, TARGET, mostMs, closed);
  const answer = (at: number, value: string) => reads[at]?.resolve(value);
  return { check, answer, reads, closed };
}

it("A changed secret closes the sessions once, also where two calls read it at the same moment", async () => {
  const { check, answer, closed } = start();
  const opened = check();
  answer(0, "first");
  await opened;
  const [one, two] = [check(), check()];
  answer(1, "second");
  await one;
  answer(2, "second");
  await two;
  expect(closed).toHaveBeenCalledTimes(1);
});

it("A former value that comes late does not hide the new one", async () => {
  const { check, answer, closed } = start();
  const [one, two] = [check(), check()];
  answer(1, "second");
  await two;
  answer(0, "first");
  await one;
  const next = check();
  answer(2, "second");
  await next;
  expect(closed).toHaveBeenCalledTimes(2);
});

it("A secret that cannot be read at one moment closes no session, and is compared once it can", async () => {
  const { check, answer, reads, closed } = start();
  const opened = check();
  answer(0, "first");
  await opened;
  const failed = check();
  reads[1]?.reject(new Error("store away"));
  await expect(failed).rejects.toMatchObject({
    failure: {
      code: "unavailable",
      sent: false,
      message: expect.stringContaining("gives no secret of Shop"),
    },
  });
  expect(closed).not.toHaveBeenCalled();
  const same = check();
  answer(2, "first");
  await same;
  expect(closed).not.toHaveBeenCalled();
  const changed = check();
  answer(3, "second");
  await changed;
  expect(closed).toHaveBeenCalledTimes(1);
});

it("A read that comes too late closes no session", async () => {
  const { check, answer, closed } = start();
  const opened = check();
  answer(0, "first");
  await opened;
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const late = expect(check(300)).rejects.toMatchObject({ failure: { code: "unavailable", sent: false } });
  await vi.advanceTimersByTimeAsync(300);
  await late;
  expect(closed).not.toHaveBeenCalled();
});

it("A binding that has no secret any more closes the sessions, and so does the next that has one", async () => {
  const { check, answer, closed } = start();
  const opened = check();
  answer(0, "first");
  await opened;
  const gone = check();
  answer(1, "");
  await expect(gone).rejects.toMatchObject({ failure: { code: "unavailable", sent: false } });
  expect(closed).toHaveBeenCalledTimes(1);
  const again = check();
  answer(2, "first");
  await again;
  expect(closed).toHaveBeenCalledTimes(2);
});

it("A store that does not answer holds a call no longer than its deadline, and five seconds at most", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  for (const [left, ms] of [
    [300, 300],
    [60_000, 5_000],
  ] as const) {
    const failed = expect(start().check(left)).rejects.toMatchObject({
      failure: {
        ...{ code: "unavailable", sent: false },
        message: "Secrets Store does not answer for the secret of Shop.",
      },
    });
    await vi.advanceTimersByTimeAsync(ms);
    await failed;
  }
});
