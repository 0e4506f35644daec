import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { openAuth } from "../../workers/gateway/sign-in/auth.ts";

const at = (day: number) => new Date(Date.UTC(2026, 0, day));
const openAdapter = async () => (await openAuth(env).$context).adapter;

interface Entry {
  id: string;
  identifier: string;
  value: string;
  expiresAt: Date;
}

async function add(identifier: string, value: string, day: number): Promise<Entry> {
  const data = { identifier, value, expiresAt: at(day), createdAt: at(1), updatedAt: at(1) };
  return await (await openAdapter()).create<typeof data, Entry>({ model: "verification", data });
}

async function find(
  ...where: { field: string; operator?: string; value: unknown; connector?: "AND" | "OR" }[]
) {
  const adapter = await openAdapter();
  const rows = await adapter.findMany<Entry>({
    model: "verification",
    where: where as Parameters<typeof adapter.findMany>[0]["where"],
    sortBy: { field: "expiresAt", direction: "asc" },
  });
  return rows.map((row) => row.value);
}

/** Columns that Gatehouse adds, by table. */
const OWN_COLUMNS: Readonly<Record<string, readonly string[]>> = {
  user: ["roleRevision"],
  twoFactor: ["startedIn"],
};

describe("the sign-in library's database", () => {
  beforeEach(async () => {
    await env.PLATFORM_DB.prepare(`DELETE FROM "verification"`).run();
    await add("a", "one", 1);
    await add("a", "two", 2);
    await add("b", "three", 3);
  });

  it("stores a row with an id of its own and returns dates and texts unchanged", async () => {
    const row = await add(`quote " and '`, "%_\\", 9);
    expect(row.id).toMatch(/^[A-Za-z0-9]{32}$/);
    expect(row.expiresAt).toEqual(at(9));
    expect(await find({ field: "identifier", value: `quote " and '` })).toEqual(["%_\\"]);
  });

  it("compares, lists and combines conditions", async () => {
    expect(await find({ field: "expiresAt", operator: "gte", value: at(2) })).toEqual(["two", "three"]);
    expect(await find({ field: "expiresAt", operator: "lt", value: at(2) })).toEqual(["one"]);
    expect(await find({ field: "value", operator: "in", value: ["one", "three"] })).toEqual(["one", "three"]);
    expect(await find({ field: "value", operator: "not_in", value: ["one"] })).toEqual(["two", "three"]);
    expect(await find({ field: "identifier", operator: "ne", value: "a" })).toEqual(["three"]);
    expect(
      await find({ field: "identifier", value: "a" }, { field: "value", value: "two", connector: "AND" }),
    ).toEqual(["two"]);
    expect(
      await find(
        { field: "value", value: "one", connector: "OR" },
        { field: "value", value: "three", connector: "OR" },
      ),
    ).toEqual(["one", "three"]);
  });

  it("updates, counts and deletes exactly the rows of the conditions", async () => {
    const adapter = await openAdapter();
    const where = [{ field: "identifier", value: "a" }];
    expect(await adapter.count({ model: "verification", where })).toBe(2);
    expect(await adapter.updateMany({ model: "verification", where, update: { value: "new" } })).toBe(2);
    expect(await find()).toEqual(["new", "new", "three"]);
    expect(await adapter.deleteMany({ model: "verification", where })).toBe(2);
    expect(await find()).toEqual(["three"]);
  });

  it("returns a single-use value once, for any number of parallel readers", async () => {
    const adapter = await openAdapter();
    const where = [{ field: "value", value: "three" }];
    const taken = await Promise.all(
      Array.from({ length: 5 }, () => adapter.consumeOne<Entry>({ model: "verification", where })),
    );
    expect(taken.filter((row) => row !== null)).toHaveLength(1);
  });

  it("refuses an unknown operator, instead of ignoring the condition", async () => {
    await expect(find({ field: "value", operator: "contains", value: "o" })).rejects.toThrow(
      "does not support",
    );
  });

  it("has exactly the columns that the library expects, and our own", async () => {
    const { tables } = await openAuth(env).$context;
    for (const { modelName, fields } of Object.values(tables)) {
      const { results } = await env.PLATFORM_DB.prepare("SELECT name FROM pragma_table_info(?)")
        .bind(modelName)
        .all<{ name: string }>();
      const own = OWN_COLUMNS[modelName] ?? [];
      const named = Object.entries(fields).map(([name, field]) => field.fieldName ?? name);
      const expected = ["id", ...named, ...own];
      expect(results.map((row) => row.name).sort(), modelName).toEqual([...new Set(expected)].sort());
    }
  });
});
