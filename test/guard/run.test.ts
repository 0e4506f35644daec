import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { runBounded } from "../../shared/guard/run.ts";

const never = () => new Promise<never>(() => {});
const neverAborted = () => new AbortController().signal;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("running a call", () => {
  it("returns the result of the work", async () => {
    expect(await runBounded(neverAborted(), 1_000, async () => 7)).toBe(7);
  });

  it("stops at the deadline, aborts the work's signal and names the time limit", async () => {
    let seen: AbortSignal | undefined;
    const run = runBounded(neverAborted(), 2_000, (signal) => {
      seen = signal;
      return never();
    });
    const ended = expect(run).rejects.toMatchObject({
      code: "timeout",
      message: expect.stringContaining("2 seconds"),
    });
    await vi.advanceTimersByTimeAsync(2_000);
    await ended;
    expect(seen?.aborted).toBe(true);
  });

  it("stops when the client cancels, also when it did so before the start", async () => {
    const client = new AbortController();
    const run = runBounded(client.signal, 60_000, never);
    client.abort();
    await expect(run).rejects.toMatchObject({ code: "cancelled" });
    await expect(runBounded(client.signal, 60_000, never)).rejects.toMatchObject({ code: "cancelled" });
  });

  it("does not count the time in which the user is asked, and continues with the remaining time", async () => {
    const person = Promise.withResolvers<string>();
    let answered = "";
    const run = runBounded(neverAborted(), 1_000, async (_signal, hold) => {
      answered = await hold(person.promise);
      return never();
    });
    const ended = expect(run).rejects.toMatchObject({ code: "timeout" });
    await vi.advanceTimersByTimeAsync(400_000);
    person.resolve("yes");
    await vi.advanceTimersByTimeAsync(999);
    expect(answered).toBe("yes");
    await vi.advanceTimersByTimeAsync(1);
    await ended;
  });

  it("reports the remaining time, without the time in which the user is asked", async () => {
    const person = Promise.withResolvers<string>();
    const run = runBounded(neverAborted(), 1_000, async (_signal, hold, timeLeft) => {
      const before = timeLeft();
      await hold(person.promise);
      const after = timeLeft();
      await new Promise((resolve) => setTimeout(resolve, 300));
      return [before, after, timeLeft()];
    });
    await vi.advanceTimersByTimeAsync(5_000);
    person.resolve("yes");
    await vi.advanceTimersByTimeAsync(300);
    expect(await run).toEqual([1_000, 1_000, 700]);
  });

  it("pauses the deadline until the last of several questions is answered", async () => {
    const [first, second] = [Promise.withResolvers<number>(), Promise.withResolvers<number>()];
    const run = runBounded(neverAborted(), 1_000, (_signal, hold) =>
      Promise.all([hold(first.promise), hold(second.promise)]),
    );
    first.resolve(1);
    await vi.advanceTimersByTimeAsync(400_000);
    second.resolve(2);
    expect(await run).toEqual([1, 2]);
  });
});
