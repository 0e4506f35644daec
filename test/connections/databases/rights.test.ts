import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import type { OutcomeEvent } from "../../../shared/audit/record.ts";
import { deliverOutcomes } from "../../../shared/guard/settle.ts";
import { connectionGate } from "../../../shared/objects/connection-gate.ts";
import { writeSecret } from "../../../workers/connections/vault.ts";
import { allEventsOf } from "../../audit/trail.ts";
import { publish } from "../../support/publish.ts";
import { openToViewers, PASSWORD, publishConnections } from "../../support/publish-connections.ts";
import { LANES, openSession, type TestSession } from "../../support/session.ts";
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

describe.skipIf(SERVERS.postgresql === null)("answers that a PostgreSQL connection keeps", () => {
  const KEPT = "shop_kept";
  const COUNT = { sql: "SELECT count(*) FROM customers" };
  const queries = {
    contacts: {
      title: "Contacts",
      description: "Names and addresses.",
      sql: "SELECT id, name, email FROM customers ORDER BY id",
      cache: { fresh: 600 },
    },
    plain: { title: "Plain", description: "Not kept.", ...COUNT },
    move: {
      title: "Move",
      description: "Moves a customer.",
      sql: "UPDATE orders SET note = $1 WHERE id = 1",
      parameters: { note: { type: "text", description: "Note." } },
      effect: "update",
    },
  };
  const entryWith = (cache: object) =>
    shopEntry(KEPT, {
      ...{ identity: { "app.user_id": "user_id" }, queries, cache, limits: { concurrent: 8 } },
      allow_privileged_role: true,
    });
  const connect = (as: string, role = "admin", scopes = ["kept:read"]) =>
    openSession({ server: "kept", lane: "stateless", as, role, scopes });
  /** Changes what every person counts. */
  const addCustomers = () =>
    asPostgresqlOwner(
      KEPT,
      "INSERT INTO customers SELECT (SELECT max(id) FROM customers) + n, 'New', 'n@people.example', 'DE', owner FROM unnest(ARRAY['user_ann', 'user_bob']) WITH ORDINALITY AS t(owner, n)",
    );
  const isCached = ({ meta }: { meta: Record<string, unknown> | undefined }) =>
    meta?.["gatehouse/cache"] !== undefined;

  beforeAll(async () => {
    await createShop(KEPT);
    await asPostgresqlOwner(
      KEPT,
      "ALTER TABLE customers ENABLE ROW LEVEL SECURITY",
      "CREATE POLICY own ON customers FOR SELECT TO reader USING (owner = current_setting('app.user_id', true))",
      "GRANT UPDATE ON orders TO reader",
    );
  });

  it.each(LANES)("are of one person alone, say so, and are recorded so, on the %s lane", async (lane) => {
    await publishConnections({ kept: entryWith({ fresh: 600, stale: 600 }) });
    const [ann, bob] = await Promise.all(
      [`ann`, `bob`].map((as) => openSession({ server: "kept", lane, as, scopes: ["kept:read"] })),
    );
    const ids = { sql: "SELECT id FROM customers ORDER BY id" };
    const first = await ann?.call("kept_query", ids);
    const other = await bob?.call("kept_query", ids);
    await addCustomers();
    const again = await ann?.call("kept_query", ids);
    const otherAgain = await bob?.call("kept_query", ids);
    for (const [one, two] of [
      [first, again],
      [other, otherAgain],
    ]) {
      expect(one?.meta).not.toHaveProperty("gatehouse/cache");
      expect(two?.meta?.["gatehouse/cache"]).toMatchObject({ stale: false, read_at: expect.any(String) });
      expect(two?.data).toEqual(one?.data);
    }
    const all = [...(again?.data.rows ?? []), ...(otherAgain?.data.rows ?? [])].flat();
    expect(new Set(all).size).toBe(all.length);
    expect(all.length).toBeGreaterThanOrEqual(60);
    // Every call has a record, and the record says what came from the cache.
    await expect
      .poll(async () => {
        await deliverOutcomes(env);
        const outcomes = (await allEventsOf("user_ann")).filter(({ type }) => type === "outcome");
        return outcomes.slice(-2).map((event) => (event as OutcomeEvent).cached ?? null);
      })
      .toEqual([null, "fresh"]);
    // Another question, and a named query without a rule of its own, ask the database.
    expect(isCached(await (ann as TestSession).call("kept_query", COUNT))).toBe(false);
    for (let call = 0; call < 2; call += 1)
      expect(isCached(await (ann as TestSession).call("kept_plain"))).toBe(false);
  });

  it("are not those of another role, whose masks differ", async () => {
    await publishConnections({ kept: entryWith({ fresh: 600 }) });
    await openToViewers("kept");
    for (const cached of [false, true]) {
      const full = await (await connect("ann")).call("kept_contacts");
      const viewer = await connect("ann", "viewer");
      const masked = await viewer.call("kept_contacts");
      expect([isCached(full), isCached(masked)]).toEqual([cached, cached]);
      expect(full.data.rows[0][2]).toBe("c2@people.example");
      expect(masked.data.rows[0][2]).toBe("c•••@people.example");
      const hidden = await viewer.call("kept_query", { sql: "SELECT email FROM customers" });
      expect(hidden.error?.code).toMatch(/forbidden|invalid_input/);
    }
  });

  it("are never given after a publication, a changed password, a change or a withdrawn right", async () => {
    await publishConnections({ kept: entryWith({ fresh: 600, stale: 600 }) });
    const ann = await connect("ann", "admin", ["kept:read", "kept:write"]);
    const endings: Record<string, () => Promise<unknown>> = {
      publication: () => openToViewers("kept"),
      password: async () => {
        await writeSecret(env, "kept", PASSWORD, Date.now());
        await Promise.all([0, 1].map((shard) => connectionGate(env, "kept", shard).closeSessions()));
      },
      change: () => ann.call("kept_move", { note: "moved" }),
    };
    for (const [what, end] of Object.entries(endings)) {
      const before = await ann.call("kept_query", COUNT);
      expect(isCached(await ann.call("kept_query", COUNT)), what).toBe(true);
      await addCustomers();
      await end();
      const after = await ann.call("kept_query", COUNT);
      expect(isCached(after), what).toBe(false);
      expect(after.data.rows[0][0], what).toBe(before.data.rows[0][0] + 1);
    }
    const vera = await connect("ann", "viewer");
    await vera.call("kept_query", COUNT);
    expect(isCached(await vera.call("kept_query", COUNT))).toBe(true);
    // The bundled policy knows nothing of the connection.
    await publish(() => {});
    await publishConnections({ kept: entryWith({ fresh: 600, stale: 600 }) });
    expect((await vera.call("kept_query", COUNT)).error).toMatchObject({ code: "forbidden" });
  });

  it("are marked when they are stale, and read again meanwhile", async () => {
    await publishConnections({ kept: entryWith({ fresh: 1, stale: 3_600 }) });
    const ann = await connect("ann");
    const before = await ann.call("kept_query", COUNT);
    await addCustomers();
    let stale = before;
    await expect
      .poll(async () => {
        stale = await ann.call("kept_query", COUNT);
        return stale.meta?.["gatehouse/cache"];
      })
      .toMatchObject({ stale: true });
    expect(stale.data).toEqual(before.data);
    expect(JSON.stringify(stale.content)).toMatch(/This answer is stale: .* was read \d+ seconds ago\./);
    await expect
      .poll(async () => (await ann.call("kept_query", COUNT)).data.rows[0][0])
      .toBe(before.data.rows[0][0] + 1);
  });
});
