import { env } from "cloudflare:workers";
import pg from "pg";
import { beforeAll, describe, expect, it } from "vitest";
import { connectionEntry } from "../../../shared/connections/entry.ts";
import { PASSWORD, publishConnections } from "../../support/publish-connections.ts";
import { LANES, openSession } from "../../support/session.ts";
import { until } from "../../support/until.ts";
import { asMariadbOwner, asPostgresqlOwner, createShop, SERVERS, shopEntry } from "./servers.ts";

const DATABASE = "shop_writes";

const NUMBER = { type: "integer", description: "Number of the order." };
const query = (sql: string, effect: string, parameters: object = { id: NUMBER }) => ({
  ...{ title: "A write", description: "Writes.", sql, effect, parameters },
});

const QUERIES = {
  add_order: query(
    "INSERT INTO orders (id, placed_at, total) VALUES ($1, now(), $2) RETURNING id, total",
    "create",
    { id: NUMBER, total: { type: "number", description: "Sum." } },
  ),
  count_up: query("UPDATE orders SET total = total + 1 WHERE id = $1", "update"),
  // Commits, and ends its own session before the answer is sent.
  lose_answer: query("SELECT lose_answer($1)", "update"),
  note_key: query("INSERT INTO noted (key, order_id) VALUES ($1, $2)", "create", {
    idempotency_key: { type: "text", description: "Key of the note." },
    id: NUMBER,
  }),
  touch_orders: query("UPDATE orders SET note = note WHERE id <= $1 RETURNING id, note", "update"),
  add_piece: query("INSERT INTO pieces VALUES ($1)", "create"),
  drop_pieces: query("DELETE FROM pieces WHERE id > $1 RETURNING id", "delete"),
  mail_of: query("UPDATE customers SET name = name WHERE id = $1 RETURNING email", "update"),
};

/** Notes of a test, one for each number, and a rule that is checked at the COMMIT. */
const PIECES = [
  "CREATE TABLE pieces (id int PRIMARY KEY)",
  "INSERT INTO pieces SELECT generate_series(1, 1000)",
  `CREATE FUNCTION refuse_piece() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
     IF NEW.id = -1 THEN RAISE EXCEPTION 'no' USING ERRCODE = '23514'; END IF;
     IF NEW.id = -2 THEN RAISE EXCEPTION 'no' USING ERRCODE = '08P01'; END IF;
     IF NEW.id = -3 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
     RETURN NULL; END $$`,
  "CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON pieces DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_piece()",
  "GRANT SELECT, INSERT, DELETE ON pieces TO reader",
];

const open = (lane: (typeof LANES)[number], as: string, role = "admin") =>
  openSession({ server: "shop", lane, as, role, scopes: ["shop:read", "shop:write", "shop:delete"] });

const totalOf = async (id: number) =>
  (await asPostgresqlOwner(DATABASE, `SELECT total::float8 AS total FROM orders WHERE id = ${id}`))[0];

describe.skipIf(SERVERS.postgresql === null)("a named write with a key", () => {
  beforeAll(async () => {
    await createShop(DATABASE);
    await asPostgresqlOwner(
      DATABASE,
      "CREATE TABLE noted (key text PRIMARY KEY, order_id bigint)",
      "CREATE FUNCTION lose_answer(number bigint) RETURNS boolean LANGUAGE sql AS $$ UPDATE orders SET total = total + 1 WHERE id = number; SELECT pg_terminate_backend(pg_backend_pid()) $$",
      ...PIECES,
      "GRANT INSERT, UPDATE ON orders, customers, noted TO reader",
    );
    await publishConnections({
      shop: shopEntry(DATABASE, { queries: QUERIES, allow_privileged_role: true }),
    });
  });

  it("that gives more rows than its bound is carried out whole, and says how many it changed", async () => {
    const session = await open("stateless", "wanda");
    const asked = { id: 400, idempotency_key: "key-of-many-rows" };
    const { data } = await session.call("shop_drop_pieces", asked);
    expect(data).toMatchObject({ changed: 600, cut: true, replayed: false });
    expect(data.rows).toHaveLength(200);
    const left = await asPostgresqlOwner(DATABASE, "SELECT count(*)::int AS n FROM pieces");
    expect(left).toEqual([[{ n: 400 }]]);
  });

  it.each([
    ["breaks a rule gives its key back", -1, "conflict", "conflict"],
    ["fails otherwise may be carried out, and is not repeated", -2, "outcome_unknown", "outcome_unknown"],
    ["loses its session may be carried out, and is not repeated", -3, "outcome_unknown", "outcome_unknown"],
  ])("whose COMMIT %s", async (_what, id, code, again) => {
    const session = await open("stateless", "wanda");
    const asked = { id, idempotency_key: `key-of-commit${id}` };
    const { error } = await session.call("shop_add_piece", asked);
    expect(error).toMatchObject({ code });
    if (code === "conflict") expect(error?.message).toBe("The change breaks a rule of Shop.");
    const repeat = await session.call("shop_add_piece", asked);
    expect(repeat.error).toMatchObject({ code: again });
    const isKept = /An earlier call with this idempotency_key/.test(repeat.error?.message ?? "");
    expect(isKept).toBe(code === "outcome_unknown");
  });

  describe.each(LANES)("on the %s lane", (lane) => {
    const key = (name: string) => `key-${name}-${lane}`;
    const id = lane === "stateless" ? 10_000 : 20_000;

    it("runs once: a repeat is answered with the first outcome", async () => {
      const session = await open(lane, "wanda");
      const asked = { id, total: 5, idempotency_key: key("add") };
      const first = await session.call("shop_add_order", asked);
      expect(first.error).toBeUndefined();
      expect(first.data).toMatchObject({ rows: [[id, 5]], changed: 1, replayed: false });
      const again = await session.call("shop_add_order", asked);
      expect(again.data).toEqual({ ...first.data, replayed: true });
    });

    it("of ten at the same moment runs once", async () => {
      const session = await open(lane, "wanda");
      const asked = { id: 1, idempotency_key: key("ten") };
      const [before] = (await totalOf(1)) as { total: number }[];
      const answers = await Promise.all(
        Array.from({ length: 10 }, () => session.call("shop_count_up", asked)),
      );
      expect(answers.filter(({ data }) => data?.replayed === false)).toHaveLength(1);
      const refused = answers.flatMap(({ error }) => error ?? []);
      for (const error of refused)
        expect(error).toMatchObject({
          code: "conflict",
          message: "A call with this idempotency_key is still running.",
        });
      expect(await totalOf(1)).toEqual([{ total: (before?.total ?? 0) + 1 }]);
      expect((await session.call("shop_count_up", asked)).data).toMatchObject({ changed: 1, replayed: true });
    });

    it("with other arguments, or of another tool, is refused and does not run", async () => {
      const session = await open(lane, "wanda");
      await session.call("shop_count_up", { id: 2, idempotency_key: key("other") });
      const before = await totalOf(3);
      for (const [tool, more] of [
        ["shop_count_up", { id: 3 }],
        ["shop_add_order", { id: id + 1, total: 1 }],
      ] as const) {
        const { error } = await session.call(tool, { ...more, idempotency_key: key("other") });
        expect(error).toMatchObject({
          code: "conflict",
          message: "You have used this idempotency_key for a write with other arguments.",
        });
      }
      expect(await totalOf(3)).toEqual(before);
      expect(await totalOf(id + 1)).toEqual([]);
    });

    it("is never answered with what another person's key did", async () => {
      const [wanda, bob] = [await open(lane, "wanda"), await open(lane, "bob")];
      const asked = { id: 4, idempotency_key: key("shared") };
      const [before] = (await totalOf(4)) as { total: number }[];
      expect((await wanda.call("shop_count_up", asked)).data.replayed).toBe(false);
      expect((await bob.call("shop_count_up", asked)).data.replayed).toBe(false);
      expect((await bob.call("shop_count_up", { ...asked, id: 5 })).error?.code).toBe("conflict");
      expect((await wanda.call("shop_count_up", asked)).data.replayed).toBe(true);
      expect(await totalOf(4)).toEqual([{ total: (before?.total ?? 0) + 2 }]);
    });

    it("that the database refused gives its key back", async () => {
      const session = await open(lane, "wanda");
      const asked = { id: id + 2, total: 5, idempotency_key: key("twice") };
      await asPostgresqlOwner(DATABASE, `INSERT INTO orders VALUES (${id + 2}, 1, now(), 1, '')`);
      expect((await session.call("shop_add_order", asked)).error).toMatchObject({
        code: "conflict",
        message: "The change breaks a rule of Shop.",
      });
      await asPostgresqlOwner(DATABASE, `DELETE FROM orders WHERE id = ${id + 2}`);
      expect((await session.call("shop_add_order", asked)).data).toMatchObject({
        changed: 1,
        replayed: false,
      });
    });

    it("of which the answer was lost is said to be unknown, and is not carried out again", async () => {
      const session = await open(lane, "wanda");
      const asked = { id: 6, idempotency_key: key("lost") };
      const before = await totalOf(6);
      const { error } = await session.call("shop_lose_answer", asked);
      expect(error?.code).toBe("outcome_unknown");
      expect(error?.message).toContain("It is not known whether it was carried out.");
      const again = await session.call("shop_lose_answer", asked);
      expect(again.error).toMatchObject({
        code: "outcome_unknown",
        message: expect.stringContaining("An earlier call with this idempotency_key got no answer."),
        suggested_action: expect.stringContaining("Look at the data."),
      });
      expect(await totalOf(6)).toEqual(before);
    });

    it("gives its statement the key where the entry declares it", async () => {
      const session = await open(lane, "wanda");
      expect((await session.call("shop_note_key", { id: 1 })).error?.code).toBe("invalid_input");
      await session.call("shop_note_key", { id: 1, idempotency_key: key("noted") });
      const noted = `SELECT order_id::int AS "order" FROM noted WHERE key = '${key("noted")}'`;
      expect((await asPostgresqlOwner(DATABASE, noted))[0]).toEqual([{ order: 1 }]);
    });
  });

  it("waits for nothing: while it runs, a repeat is refused", async () => {
    const session = await open("stateless", "wanda");
    const holder = new pg.Client({ ...SERVERS.postgresql, database: DATABASE } as pg.ClientConfig);
    holder.on("error", () => {});
    await holder.connect();
    await holder.query("BEGIN; LOCK TABLE orders IN EXCLUSIVE MODE");
    const asked = { id: 7, idempotency_key: "key-in-flight" };
    const running = session.call("shop_count_up", asked);
    await until(async () => {
      const waiting =
        "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
      expect((await holder.query(waiting)).rows).toHaveLength(1);
    });
    expect((await session.call("shop_count_up", asked)).error).toMatchObject({
      code: "conflict",
      retry_after: 2,
    });
    await holder.query("ROLLBACK");
    await holder.end();
    expect((await running).data).toMatchObject({ changed: 1, replayed: false });
    expect((await session.call("shop_count_up", asked)).data.replayed).toBe(true);
  });

  it("of which the rows are too large to be kept says in a repeat that it was carried out, and how much", async () => {
    const session = await open("stateless", "wanda");
    const asked = { id: 190, idempotency_key: "key-of-large-rows" };
    const first = await session.call("shop_touch_orders", asked);
    expect(first.data).toMatchObject({ changed: 190, cut: false, replayed: false });
    expect(first.data.note).toBeUndefined();
    expect((await session.call("shop_touch_orders", asked)).data).toEqual({
      ...{ columns: [], rows: [], cut: true, changed: 190, replayed: true },
      note: "The earlier call with this key was carried out. Its rows were too large to be kept.",
    });
    const kept = await env.PLATFORM_DB.prepare(
      "SELECT max(length(outcome)) AS most FROM connection_write",
    ).first<{ most: number }>();
    expect(kept?.most).toBeLessThan(12_000);
  });

  it("is not carried out, and gets no outcome, with a key of another statement or place", async () => {
    const session = await open("stateless", "wanda");
    const asked = { id: 9, idempotency_key: "key-of-former-state" };
    expect((await session.call("shop_count_up", asked)).data).toMatchObject({ changed: 1, replayed: false });
    const before = await totalOf(9);
    const twice = query("UPDATE orders SET total = total + 2 WHERE id = $1", "update");
    const entry = shopEntry(DATABASE, { queries: QUERIES, allow_privileged_role: true });
    const elsewhere = { ...entry.reach, host: "localhost" };
    for (const changed of [
      shopEntry(DATABASE, { queries: { ...QUERIES, count_up: twice }, allow_privileged_role: true }),
      shopEntry(DATABASE, { queries: QUERIES, allow_privileged_role: true, reach: elsewhere }),
    ]) {
      await publishConnections({ shop: changed });
      const { error } = await (await open("stateless", "wanda")).call("shop_count_up", asked);
      expect(error).toMatchObject({
        code: "conflict",
        message: expect.stringContaining("belongs to a former state of the connection"),
      });
    }
    await publishConnections({ shop: entry });
    expect(await totalOf(9)).toEqual(before);
    const again = await (await open("stateless", "wanda")).call("shop_count_up", asked);
    expect(again.data).toMatchObject({ changed: 1, replayed: true });
  });

  it("is stored sealed, without its result in clear", async () => {
    const session = await open("stateless", "wanda");
    const { data } = await session.call("shop_mail_of", { id: 8, idempotency_key: "key-with-mail" });
    expect(data.rows).toEqual([["c8@people.example"]]);
    const { results } = await env.PLATFORM_DB.prepare("SELECT * FROM connection_write").all();
    expect(results.length).toBeGreaterThan(0);
    expect(JSON.stringify(results)).not.toContain("people.example");
  });
});

describe.skipIf(SERVERS.mariadb === null)("a named write of MariaDB that gives rows", () => {
  const STORE = "store_writes";

  beforeAll(async () => {
    const { host, port } = SERVERS.mariadb as NonNullable<typeof SERVERS.mariadb>;
    await asMariadbOwner(
      `DROP DATABASE IF EXISTS ${STORE}`,
      `CREATE DATABASE ${STORE}`,
      `CREATE TABLE ${STORE}.pieces (id int PRIMARY KEY)`,
      `INSERT INTO ${STORE}.pieces SELECT seq FROM (WITH RECURSIVE n AS (SELECT 1 AS seq UNION ALL SELECT seq + 1 FROM n WHERE seq < 900) SELECT seq FROM n) AS numbers`,
      `CREATE PROCEDURE ${STORE}.remove(number int) BEGIN DELETE FROM ${STORE}.pieces WHERE id = number; SELECT number AS removed; SELECT 'other', 'rows'; END`,
      "DROP USER IF EXISTS writer@'%'",
      `CREATE USER writer@'%' IDENTIFIED BY '${PASSWORD}'`,
      `GRANT SELECT, INSERT, DELETE, EXECUTE ON ${STORE}.* TO writer@'%'`,
    );
    const entry = connectionEntry.parse({
      ...{ kind: "mysql", title: "Store", description: "Pieces.", owner: "x", allow_privileged_role: true },
      reach: { host, port, tls: "off", database: STORE, user: "writer" },
      expose: { tables: [`${STORE}.*`] },
      limits: { rows: 200 },
      queries: {
        drop_pieces: query("DELETE FROM pieces WHERE id > ? RETURNING id", "delete"),
        remove: query("CALL remove(?)", "delete"),
      },
    });
    await publishConnections({ store: entry });
  });

  const openStore = () =>
    openSession({ server: "store", lane: "stateless", as: "wanda", role: "admin", scopes: ["store:delete"] });
  const left = async () => {
    const [rows] = await asMariadbOwner(`SELECT count(*) AS n FROM ${STORE}.pieces`);
    return Number((rows as { n: number }[])[0]?.n);
  };

  it("is carried out whole where they are more than its bound, and says how many it changed", async () => {
    const session = await openStore();
    const asked = { id: 600, idempotency_key: "key-of-many-rows" };
    const { data, error } = await session.call("store_drop_pieces", asked);
    expect(error).toBeUndefined();
    expect(data).toMatchObject({ changed: 300, cut: true, replayed: false });
    expect(data.rows).toHaveLength(200);
    expect(await left()).toBe(600);
    expect((await session.call("store_drop_pieces", asked)).data).toMatchObject({
      changed: 300,
      replayed: true,
    });
  });

  it("gives the rows of a procedure with their columns", async () => {
    const session = await openStore();
    const { data, error } = await session.call("store_remove", { id: 5 });
    expect(error).toBeUndefined();
    expect(data).toMatchObject({ rows: [[5]], columns: [{ name: "removed" }] });
    expect(await left()).toBe(599);
  });
});
