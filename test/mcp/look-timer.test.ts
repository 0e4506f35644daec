import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LookTimer } from "../../shared/mcp/subscriptions/look-timer.ts";

const [MINUTE, HOUR] = [60_000, 60 * 60_000];

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A timer and the minutes at which it looked. */
function start({
  endsAfter = Number.POSITIVE_INFINITY,
  timed = false,
  changesAt = Number.POSITIVE_INFINITY,
}) {
  const began = Date.now();
  const looks: number[] = [];
  let decided = 0;
  const timer = new LookTimer({
    until: began + endsAfter,
    changesWithTime: () => timed,
    haveChanged: () => {
      if (timed) decided += 1;
      return Date.now() - began >= changesAt && looks.length === 0;
    },
    look: () => void looks.push((Date.now() - began) / MINUTE),
  });
  return { timer, looks, decided: () => decided };
}

describe("a stream by itself", () => {
  it("looks when its token ends, and never before", () => {
    const { looks, timer } = start({ endsAfter: 55 * MINUTE });
    vi.advanceTimersByTime(55 * MINUTE - 1);
    expect(looks).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(looks).toEqual([55]);
    timer.stop();
    expect(vi.getTimerCount()).toBe(0);
  });

  it("looks at most once a second after its token has ended, while a read is on its way", () => {
    const { looks, timer } = start({ endsAfter: MINUTE });
    vi.advanceTimersByTime(MINUTE + 10_000);
    expect(looks).toHaveLength(11);
    timer.stop();
    expect(vi.getTimerCount()).toBe(0);
  });

  it("looks once an hour with a token that does not end", () => {
    const { looks, timer } = start({});
    vi.advanceTimersByTime(3 * HOUR);
    expect(looks).toEqual([60, 120, 180]);
    timer.stop();
  });

  it("decides in memory every minute where rights change with the time of day, and looks when they have", () => {
    const { looks, decided, timer } = start({ timed: true, changesAt: 10 * MINUTE });
    vi.advanceTimersByTime(30 * MINUTE);
    expect(looks).toEqual([10]);
    expect(decided()).toBe(30);
    timer.stop();
  });
});
