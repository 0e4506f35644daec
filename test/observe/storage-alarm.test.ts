import { describe, expect, it, vi } from "vitest";
import { findFullness, reportFullness, STORAGE_LIMIT } from "../../shared/observe/storage-alarm.ts";
import { readTables } from "../../workers/gateway/health/probe-stores.ts";

describe("the alarm of a store that fills up", () => {
  it("is silent below seven tenths of what the platform lets a store hold, and says how full it is from there on", () => {
    expect(findFullness(0)).toBeNull();
    expect(findFullness(6_999_999_999)).toBeNull();
    expect(findFullness(7_000_000_000)).toEqual({ bytes: 7_000_000_000, percent: 70 });
    expect(findFullness(STORAGE_LIMIT)).toEqual({ bytes: STORAGE_LIMIT, percent: 100 });
    expect(findFullness(Number.NaN)).toBeNull();
  });

  it("is an error in the log that names the store", () => {
    const error = vi.spyOn(console, "error").mockImplementation(() => undefined);
    reportFullness("CRM_DB", 1_000);
    expect(error).not.toHaveBeenCalled();
    reportFullness("CRM_DB", 9_200_000_000);
    const [line] = error.mock.calls[0] ?? [];
    error.mockRestore();
    expect(JSON.parse(String(line))).toMatchObject({
      level: "error",
      event: "storage_fills_up",
      store: "CRM_DB",
      percent: 92,
    });
  });

  it("takes the size of a database from what every answer of D1 says", async () => {
    const database = {
      prepare: (sql: string) => sql,
      batch: async (looks: string[]) =>
        looks.map(() => ({ results: [], meta: { size_after: 8_000_000_000 } })),
    } as unknown as D1Database;
    expect(findFullness(await readTables("CRM_DB", database))?.percent).toBe(80);
  });
});
