import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { connectionEntry } from "../../../shared/connections/entry.ts";
import { connectionGate } from "../../../shared/objects/connection-gate.ts";
import { openToViewers, PASSWORD, publishConnections } from "../../support/publish-connections.ts";
import { LANES, openSession } from "../../support/session.ts";

const { port, tlsPort } = (env as unknown as { TEST_DOUBLES: { oracle: { port: number; tlsPort: number } } })
  .TEST_DOUBLES.oracle;

const entryOf = (reach: object = {}) =>
  connectionEntry.parse({
    kind: "oracle",
    title: "Sales",
    description: "Customers of the web shop.",
    owner: "shop@people.example",
    reach: { host: "127.0.0.1", port, tls: "off", service: "SALES", user: "GATEHOUSE", ...reach },
    expose: { tables: ["SHOP.*"] },
    columns: { "SHOP.CUSTOMERS.EMAIL": "pii" },
    identity: { client_identifier: "user_id" },
    explain: true,
  });

const gate = () => connectionGate(env, "sales", 0);
const test = (reach: object, secret: string | null, name = "sales") =>
  gate().probe({ name, revision: "", entry: entryOf(reach) }, secret);

// The driver in the runtime. The server speaks the protocol as this driver knows it, and runs no SQL.
describe("an Oracle connection, against a double of its wire protocol", () => {
  beforeAll(async () => {
    await publishConnections({ sales: entryOf() });
    await openToViewers("sales");
  });

  describe.each(LANES)("on the %s lane", (lane) => {
    const open = (role: string) =>
      openSession({ server: "sales", lane, as: `user-${role}`, role, scopes: ["sales:read"] });

    it("finds tables and reads rows, each role what it may see", async () => {
      const admin = await open("admin");
      expect((await admin.call("sales_search_objects", { words: "people" })).data).toMatchObject({
        tables: [{ table: "SHOP.CUSTOMERS", columns: expect.arrayContaining(["ID NUMBER(10), not null"]) }],
      });
      const sql = "SELECT id, name, email FROM customers WHERE id < :p1";
      const all = await admin.call("sales_query", { sql, parameters: [10] });
      expect(all.error ?? all.data).toMatchObject({
        rows: [[1, "Ann", "ann@people.example"], expect.anything()],
      });
      const viewer = await open("viewer");
      expect((await viewer.call("sales_query", { sql, parameters: [10] })).error).toMatchObject({
        code: "forbidden",
        message: expect.stringContaining('"EMAIL" is hidden from your role'),
      });
      const less = await viewer.call("sales_query", { sql: "SELECT id, name FROM customers" });
      expect(less.data).toMatchObject({
        rows: [
          [1, "Ann"],
          [2, "Bob"],
        ],
        cut: false,
      });
    });

    it("shows one table in any case of letters, and refuses what is no statement to read", async () => {
      const session = await open("viewer");
      expect((await session.call("sales_search_objects", { table: "shop.customers" })).data).toMatchObject({
        tables: [
          {
            keys: ["PRIMARY KEY (ID)"],
            columns: expect.arrayContaining([expect.stringContaining("not for your role")]),
          },
        ],
      });
      for (const [sql, code] of [
        ["SELECT * FROM customers", "forbidden"],
        ["SELECT name FROM customers FOR UPDATE", "forbidden"],
        ["SELECT UTL_HTTP.REQUEST('http://10.0.0.1/') FROM dual", "forbidden"],
        ["SELECT name FROM customers@remote", "forbidden"],
        ["BEGIN NULL; END;", "invalid_input"],
        ["SELECT name FROM hr.staff", "invalid_input"],
      ] as const)
        for (const tool of ["sales_query", "sales_explain"])
          expect((await session.call(tool, { sql })).error, sql).toMatchObject({ code });
    });
  });

  it.each([
    ["without TLS", {}],
    ["with TLS", { port: tlsPort, tls: "required" }],
  ])("is tested with the account that the entry names, %s", async (_how, reach) => {
    expect(await test(reach, PASSWORD)).toMatchObject({
      ok: true,
      report: { server: "Oracle Database 19.3.0.0.0", excess: [], exposed: ["SHOP.CUSTOMERS"], mistakes: [] },
    });
  });

  it.each([
    ["a wrong password", {}, "wrong", /^Sales refuses the account of this connection\.$/],
    [
      "a service that is not there",
      { service: "NOTHING" },
      PASSWORD,
      /^The service of Sales does not exist at its listener\.$/,
    ],
    ["no password", {}, null, /^No password is stored/],
    ["a port where nothing listens", { port: 1 }, PASSWORD, /^Nothing answers at 127\.0\.0\.1:1\.$/],
    [
      "a host without an address",
      { host: "nowhere.invalid" },
      PASSWORD,
      /^Nothing answers at nowhere\.invalid/,
    ],
    ["another program at its port", { service: "GARBAGE" }, PASSWORD, /as this kind of server does\.$/],
    [
      "a listener that sends it elsewhere",
      { service: "CLUSTER" },
      PASSWORD,
      /another address, which is not followed/,
    ],
    ["a database that is too old", { service: "OLD" }, PASSWORD, /older than Oracle 12\.1/],
    [
      "TLS where there is none",
      { tls: "required" },
      PASSWORD,
      /^TLS with 127\.0\.0\.1:\d+ failed: the server does not speak it/,
    ],
    [
      "a service that is not there, over TLS",
      { tls: "required", port: tlsPort, service: "NOTHING" },
      PASSWORD,
      /^The service of Sales/,
    ],
    [
      "TLS to a host that the certificate does not name",
      { tls: "required", port: tlsPort, host: "127.0.0.2" },
      PASSWORD,
      /^TLS with 127\.0\.0\.2:\d+ failed: the server does not speak it, or its certificate is of another host/,
    ],
  ])("is refused in one sentence with %s", async (_what, reach, secret, expected) => {
    // The vault has no password for another name.
    const answer = await test(reach, secret, "other");
    const failure = answer.ok ? { message: "" } : answer.failure;
    expect(failure.message).toMatch(expected);
    expect(JSON.stringify(failure)).not.toMatch(/only-reads|internal error|proxy|NJS-/);
  });
});
