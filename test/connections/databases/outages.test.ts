import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { allEventsOf, deliverAll, linksOf } from "../../audit/trail.ts";
import { publishConnections } from "../../support/publish-connections.ts";
import { openSession } from "../../support/session.ts";
import { asPostgresqlOwner, createShop, SERVERS, shopEntry } from "./servers.ts";

const DATABASE = "shop_outages";

/** Ends every socket of the connection at the database. */
const endSockets = () =>
  asPostgresqlOwner(
    "postgres",
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'reader' AND datname = '${DATABASE}'`,
  );

describe.skipIf(SERVERS.postgresql === null)("100 calls while the database ends its sockets", () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  beforeAll(async () => {
    await createShop(DATABASE);
    await publishConnections({ shop: shopEntry(DATABASE, { limits: { concurrent: 8 } }) });
  });

  it("end each with rows or a clear error, leave a record each, and the connection recovers by itself", async () => {
    const session = await openSession({
      server: "shop",
      lane: "stateless",
      as: "otto",
      scopes: ["shop:read"],
    });
    const answers = [];
    for (let round = 0; round < 5; round += 1) {
      const calls = Array.from({ length: 20 }, () =>
        session.call("shop_query", {
          sql: "SELECT count(*) FROM orders a, orders b WHERE a.id < b.id AND a.id < 30",
        }),
      );
      await endSockets();
      answers.push(...(await Promise.all(calls)));
    }
    expect(answers).toHaveLength(100);
    for (const { data, error } of answers) {
      if (error === undefined) expect(data.rows).toEqual([[86_565]]);
      else expect(error).toMatchObject({ code: "unavailable", retry_after: expect.any(Number) });
    }
    for (let left = 1; left > 0; left = (await linksOf("user_otto")).length) await deliverAll("user_otto");
    const intents = (await allEventsOf("user_otto")).filter(({ type }) => type === "intent");
    expect(intents).toHaveLength(100);
    await expect
      .poll(async () => (await session.call("shop_query", { sql: "SELECT 1 AS one" })).data?.rows, {
        timeout: 20_000,
      })
      .toEqual([[1]]);
  }, 60_000);

  it("open the breaker while the database takes no connection, and close it again, each told in the log", async () => {
    const states: string[] = [];
    for (const level of ["info", "warn", "log"] as const) {
      vi.spyOn(console, level).mockImplementation((line: unknown) => {
        const { event, connection, state } = readLine(line);
        if (event === "connection_breaker" && connection === "shop") states.push(String(state));
      });
    }
    const session = await openSession({
      server: "shop",
      lane: "stateless",
      as: "olga",
      scopes: ["shop:read"],
    });
    const ask = () => session.call("shop_query", { sql: "SELECT 1 AS one" });
    await asPostgresqlOwner("postgres", `ALTER DATABASE ${DATABASE} CONNECTION LIMIT 0`);
    await endSockets();
    for (let call = 0; call < 14; call += 1)
      expect((await ask()).error).toMatchObject({ code: "unavailable", retry_after: expect.any(Number) });
    expect(states).toContain("open");
    await asPostgresqlOwner("postgres", `ALTER DATABASE ${DATABASE} CONNECTION LIMIT -1`);
    await expect.poll(async () => (await ask()).data?.rows).toEqual([[1]]);
    expect(
      states
        .slice(states.indexOf("open"))
        .filter((state) => state !== "open")
        .slice(0, 2),
    ).toEqual(["half_open", "closed"]);
  }, 60_000);
});

/** A line of the log; an empty one for text that is none. */
function readLine(line: unknown): Record<string, unknown> {
  try {
    return JSON.parse(String(line)) as Record<string, unknown>;
  } catch {
    return {};
  }
}
