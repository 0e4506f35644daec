import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isLogged, isSampled, LEVELS, readLogSettings } from "../../shared/observe/log-settings.ts";

describe("the settings of the log", () => {
  it("write everything but details of debugging when nothing is set", () => {
    expect(readLogSettings({})).toEqual({ level: "info", sample: 1 });
    expect(readLogSettings({ LOG_LEVEL: "", LOG_SAMPLE: "" })).toEqual({ level: "info", sample: 1 });
  });

  it.each([
    [
      { LOG_LEVEL: "warn", LOG_SAMPLE: "0.1" },
      { level: "warn", sample: 0.1 },
    ],
    [
      { LOG_LEVEL: " ERROR ", LOG_SAMPLE: "0" },
      { level: "error", sample: 0 },
    ],
    [
      { LOG_LEVEL: "silent", LOG_SAMPLE: "10%" },
      { level: "info", sample: 1 },
    ],
    [
      { LOG_LEVEL: "off", LOG_SAMPLE: "-1" },
      { level: "info", sample: 1 },
    ],
    [{ LOG_SAMPLE: "7" }, { level: "info", sample: 1 }],
  ])("read %j and never silence the log by a typing error", (variables, expected) => {
    expect(readLogSettings(variables)).toEqual(expected);
  });

  it("leave out what is below the level, and never an error", () => {
    for (const level of LEVELS) {
      const settings = { level, sample: 1 };
      expect(LEVELS.filter((written) => isLogged(written, settings))).toEqual(
        LEVELS.slice(LEVELS.indexOf(level)),
      );
      expect(isLogged("error", settings)).toBe(true);
    }
  });

  it("take a share of calls: all of them at 1, none at 0, and the same ones at a larger share too", () => {
    const settingsOf = (sample: number) => ({ level: "info", sample }) as const;
    fc.assert(
      fc.property(
        fc.uuid(),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (id, a, b) => {
          const [less, more] = a < b ? [a, b] : [b, a];
          expect(isSampled(id, settingsOf(1))).toBe(true);
          expect(isSampled(id, settingsOf(0))).toBe(false);
          if (isSampled(id, settingsOf(less))) expect(isSampled(id, settingsOf(more))).toBe(true);
        },
      ),
    );
    const ids = Array.from({ length: 4_000 }, () => crypto.randomUUID());
    const share = ids.filter((id) => isSampled(id, settingsOf(0.25))).length / ids.length;
    expect(Math.abs(share - 0.25)).toBeLessThan(0.06);
  });
});
