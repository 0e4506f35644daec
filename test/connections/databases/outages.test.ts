import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { deliverAll, linksOf } from "../../audit/trail.ts";
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
    const stored = await env.PLATFORM_DB.prepare(
      "SELECT count(*) AS calls FROM audit_record WHERE chain = 'user_otto' AND type = 'intent'",
    ).first();
    expect(stored).toEqual({ calls: 100 });
    await expect
      .poll(async () => (await session.call("shop_query", { sql: "SELECT 1 AS one" })).data?.rows, {
        timeout: 20_000,
      })
      .toEqual([[1]]);
  }, 60_000);
});
