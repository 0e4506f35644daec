import { env, exports } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { publishConnections } from "../../support/publish-connections.ts";
import { LANES, openSession } from "../../support/session.ts";
import { createShop, SERVERS, shopEntry } from "./servers.ts";

const DATABASE = "shop_tools";

const entry = () =>
  shopEntry(DATABASE, {
    explain: true,
    limits: { rows: 50 },
    queries: {
      revenue_of_country: {
        title: "Revenue of a country",
        description: "Sum of the orders of one country.",
        sql: "SELECT c.country, sum(o.total) AS revenue FROM orders o JOIN customers c ON c.id = o.customer_id WHERE c.country = $1 GROUP BY 1",
        parameters: { country: { type: "text", description: "Two letters.", examples: ["DE"] } },
      },
    },
  });

const open = (lane: (typeof LANES)[number], server = "shop") =>
  openSession({ server, lane, scopes: ["shop:read"] });

describe.skipIf(SERVERS.postgresql === null)("a PostgreSQL connection", () => {
  beforeAll(async () => {
    await createShop(DATABASE);
    await publishConnections({ shop: entry() });
  });

  describe.each(LANES)("on the %s lane", (lane) => {
    it("lists its tools at its own URL and at the URL of everything", async () => {
      const names = ["shop_search_objects", "shop_query", "shop_explain", "shop_revenue_of_country"];
      for (const server of ["shop", ""]) {
        const listed: { name: string }[] = await (await open(lane, server)).listTools();
        expect(listed.map(({ name }) => name)).toEqual(expect.arrayContaining(names));
      }
    });

    it("finds tables by words, and shows one with columns and keys", async () => {
      const session = await open(lane);
      const { data } = await session.call("shop_search_objects", { words: "orders" });
      expect(data.tables[0]).toMatchObject({
        table: "public.orders",
        about: "One row for each order of the web shop",
      });
      const one = await session.call("shop_search_objects", { table: "orders" });
      expect(one.data.tables[0].columns).toContain("total numeric(12,2), not null");
      expect(one.data.tables[0].keys.join()).toContain("FOREIGN KEY (customer_id) REFERENCES customers(id)");
      const all = await session.call("shop_search_objects");
      expect(all.data.tables.map(({ table }: { table: string }) => table)).toEqual([
        "public.customers",
        "public.orders",
      ]);
    });

    it("runs a statement with parameters, with types and a mark that rows were cut", async () => {
      const session = await open(lane);
      const { data, error } = await session.call("shop_query", {
        sql: "SELECT id, total, placed_at FROM orders WHERE customer_id = $1 ORDER BY id",
        parameters: [5],
        limit: 3,
      });
      expect(error).toBeUndefined();
      expect(data.columns).toEqual([
        { name: "id", type: "int8" },
        { name: "total", type: "numeric" },
        { name: "placed_at", type: "timestamptz" },
      ]);
      expect(data.rows).toHaveLength(3);
      expect(data.rows[0]).toEqual([4, 6, "2026-01-01 04:00:00+00"]);
      expect(data.cut).toBe(true);
    });

    it("runs a named query, and checks its parameters", async () => {
      const session = await open(lane);
      const { data } = await session.call("shop_revenue_of_country", { country: "DE" });
      expect(data.rows).toHaveLength(1);
      expect(data.rows[0][0]).toBe("DE");
      expect((await session.call("shop_revenue_of_country", {})).error).toMatchObject({
        code: "invalid_input",
      });
    });

    it("shows a plan without running the statement", async () => {
      const { data } = await (await open(lane)).call("shop_explain", { sql: "SELECT count(*) FROM orders" });
      expect(JSON.stringify(data.rows)).toContain("Aggregate");
    });

    it("names the closest table or column, and never a host, a user or a driver's text", async () => {
      const session = await open(lane);
      for (const [sql, expected] of [
        ["SELECT * FROM ordrs", /orders/],
        ["SELECT totl FROM orders", /total|totl/],
        ["SELECT total FROM orders WHERE", /SQL|syntax/i],
        ["SELECT salary FROM payroll", /payroll/],
        ["SELECT 1/0", /value|type/i],
      ] as const) {
        const { error } = await session.call("shop_query", { sql });
        expect(error?.message, sql).toMatch(expected);
        expect(JSON.stringify(error)).not.toMatch(/127\.0\.0\.1|reader|internal_error/);
      }
    });

    it("reads a table's description as a resource", async () => {
      const session = await open(lane);
      const { result } = await session.request("resources/read", { uri: "shop://schema/public.orders" });
      expect(JSON.parse(result.contents[0].text)).toMatchObject({ table: "public.orders" });
    });
  });

  it("has a card, OAuth metadata and a line on the home page; an unknown name has none", async () => {
    const get = (path: string) => exports.default.fetch(new URL(path, env.PUBLIC_URL));
    expect((await get("/.well-known/oauth-protected-resource/mcp/shop")).status).toBe(200);
    expect((await get("/mcp/shop/server-card")).status).toBe(200);
    expect(await (await get("/")).text()).toContain("Orders and customers of the web shop.");
    expect((await get("/.well-known/oauth-protected-resource/mcp/nothing")).status).toBe(404);
  });

  it("is for admin alone until the policy names it", async () => {
    const viewer = await openSession({
      server: "",
      lane: "stateless",
      as: "vera",
      role: "viewer",
      scopes: ["crm:read", "shop:read"],
    });
    expect((await viewer.listTools()).some(({ name }: { name: string }) => name.startsWith("shop_"))).toBe(
      false,
    );
    expect((await viewer.call("shop_query", { sql: "SELECT 1" })).error).toMatchObject({ code: "forbidden" });
  });

  it("is gone from every URL when a publication without it is in force", async () => {
    const session = await open("stateless", "");
    await publishConnections({});
    expect((await session.listTools()).some(({ name }: { name: string }) => name.startsWith("shop_"))).toBe(
      false,
    );
    await publishConnections({ shop: entry() });
    expect((await session.listTools()).some(({ name }: { name: string }) => name.startsWith("shop_"))).toBe(
      true,
    );
  });
});
