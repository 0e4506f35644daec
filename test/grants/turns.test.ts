import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Turns } from "../../workers/objects/grants/turns.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** Takes turns under one name and notes the order in which they are granted; `null` for a time-out. */
async function lineUp(turns: Turns, names: readonly string[]) {
  const called: [string, string | null][] = [];
  for (const name of names) void turns.take("grant").then((lease) => called.push([name, lease]));
  await vi.advanceTimersByTimeAsync(0);
  return called;
}

describe("turns", () => {
  it("are given one at a time, in the order of arrival", async () => {
    const turns = new Turns();
    const called = await lineUp(turns, ["first", "second", "third"]);
    expect(called.map(([name]) => name)).toEqual(["first"]);
    turns.end("grant", called[0]?.[1] ?? "");
    await vi.advanceTimersByTimeAsync(0);
    expect(called.map(([name]) => name)).toEqual(["first", "second"]);
  });

  it("of different grants do not wait for each other", async () => {
    const turns = new Turns();
    expect(await turns.take("one")).not.toBeNull();
    expect(await turns.take("two")).not.toBeNull();
  });

  it("continue after ten seconds when a holder vanished, whose lease then ends nothing", async () => {
    const turns = new Turns();
    const called = await lineUp(turns, ["vanished", "second", "third"]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(called.map(([name]) => name)).toEqual(["vanished", "second"]);
    turns.end("grant", called[0]?.[1] ?? "");
    await vi.advanceTimersByTimeAsync(0);
    expect(called).toHaveLength(2);
  });

  it("time out after twenty seconds of waiting, without passing over another waiter", async () => {
    const turns = new Turns();
    const called = await lineUp(turns, ["one", "two", "three", "four"]);
    await vi.advanceTimersByTimeAsync(5_000);
    await vi.advanceTimersByTimeAsync(14_999);
    expect(called.map(([name]) => name)).toEqual(["one", "two"]);
    turns.end("grant", called[1]?.[1] ?? "");
    await vi.advanceTimersByTimeAsync(1);
    expect(called.map(([name, lease]) => [name, lease !== null])).toEqual([
      ["one", true],
      ["two", true],
      ["three", true],
      ["four", false],
    ]);
  });

  it("refuse a new waiter at once when 256 wait already", async () => {
    const turns = new Turns();
    await lineUp(
      turns,
      Array.from({ length: 257 }, (_, index) => String(index)),
    );
    expect(await turns.take("grant")).toBeNull();
  });
});
