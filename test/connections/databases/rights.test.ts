import { beforeAll, describe, expect, it } from "vitest";
import { openToViewers, publishConnections } from "../../support/publish-connections.ts";
import { openSession } from "../../support/session.ts";
import { asPostgresqlOwner, createShop, SERVERS, shopEntry } from "./servers.ts";

const DATABASE = "shop_rights";

const open = (as: string, role: string) =>
  openSession({ server: "shop", lane: "stateless", as, role, scopes: ["shop:read"] });

describe.skipIf(SERVERS.postgresql === null)("rights in a PostgreSQL connection", () => {
  beforeAll(async () => {
    await createShop(DATABASE);
    await asPostgresqlOwner(
      DATABASE,
      "ALTER TABLE customers ENABLE ROW LEVEL SECURITY",
      "CREATE POLICY own ON customers FOR SELECT TO reader USING (owner = current_setting('app.user_id', true))",
    );
    const queries = {
      contacts: {
        title: "Contacts",
        description: "Names and addresses.",
        sql: "SELECT id, name, email FROM customers ORDER BY id",
      },
    };
    await publishConnections({
      shop: shopEntry(DATABASE, { identity: { "app.user_id": "user_id" }, queries }),
    });
    await openToViewers("shop");
  });

  it("are the rows that row-level security gives to each person", async () => {
    const [ann, bob] = [await open("ann", "admin"), await open("bob", "admin")];
    const sql = "SELECT id FROM customers ORDER BY id";
    const idsOf = async (session: typeof ann) =>
      (await session.call("shop_query", { sql })).data.rows.flat() as number[];
    const [ofAnn, ofBob] = [await idsOf(ann), await idsOf(bob)];
    expect(ofAnn).toHaveLength(30);
    expect(ofBob).toHaveLength(30);
    expect(ofAnn.filter((id) => ofBob.includes(id))).toEqual([]);
  });

  it("stay those of the caller when many people call at the same moment", async () => {
    const sessions = await Promise.all(["ann", "bob", "carl"].map((name) => open(name, "admin")));
    const sql = "SELECT DISTINCT owner FROM customers";
    const answers = await Promise.all(
      Array.from({ length: 30 }, async (_, at) => {
        const { data } = await (sessions[at % 3] as (typeof sessions)[number]).call("shop_query", { sql });
        return data.rows.flat();
      }),
    );
    for (const [at, owners] of answers.entries()) {
      expect(owners).toEqual([["user_ann"], ["user_bob"], []][at % 3]);
    }
  });

  it.each([
    "SELECT email FROM customers",
    "SELECT * FROM customers",
    "SELECT c FROM customers c",
    "SELECT row_to_json(c) FROM customers c",
    "SELECT count(*) FROM customers WHERE email LIKE 'a%'",
    "SELECT id FROM customers ORDER BY email",
    "SELECT max(email) FROM customers",
    "SELECT 1 FROM customers a JOIN customers b USING (email)",
    "SELECT 1 FROM customers a NATURAL JOIN customers b",
    "TABLE customers",
    "SELECT (c).email FROM customers c",
    "SELECT x FROM customers AS c(i, n, x)",
    "WITH c AS (SELECT * FROM customers) SELECT id FROM c",
  ])("leave no way to a column that the role may not see: %s", async (sql) => {
    const vera = await open("ann", "viewer");
    const { error } = await vera.call("shop_query", { sql });
    expect(error?.code).toMatch(/forbidden|invalid_input/);
    expect(JSON.stringify(error)).not.toContain("@people.example");
  });

  it("leave everything else of the table", async () => {
    const { data, error } = await (await open("ann", "viewer")).call("shop_query", {
      sql: "SELECT id, country FROM customers LIMIT 2",
    });
    expect(error).toBeUndefined();
    expect(data.rows).toHaveLength(2);
  });

  it("mask columns by their origin in a query that the company wrote", async () => {
    const viewer = await (await open("ann", "viewer")).call("shop_contacts");
    const admin = await (await open("ann", "admin")).call("shop_contacts");
    expect(admin.data.rows[0][2]).toBe("c2@people.example");
    expect(viewer.data.rows[0][2]).toBe("c•••@people.example");
    expect(viewer.data.rows[0][0]).toBe(admin.data.rows[0][0]);
  });
});
