import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { connectionEntry } from "../../shared/connections/entry.ts";
import type { ConnectionRequest, ConnectionTarget } from "../../shared/objects/connection-gate.ts";
import { clickhouse } from "../../workers/connections/clickhouse/connector.ts";
import type { SessionCaller } from "../../workers/connections/connector.ts";
import type { AnsweredRows } from "../../workers/connections/sql/operation.ts";

const servers: Server[] = [];

/** A session of ClickHouse tells the server nothing of its caller but the note. */
const CALLER = {} as SessionCaller;

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** What the double was asked. */
interface Asked {
  sql: string;
  query: URLSearchParams;
  headers: Record<string, unknown>;
}

/** A server that answers as ClickHouse documents its HTTP interface: status and body by statement. */
async function serve(readonly: number, answers: Readonly<Record<string, readonly [number, string]>>) {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    let sql = "";
    for await (const chunk of request) sql += chunk;
    asked.push({
      sql,
      query: new URL(request.url ?? "", "http://h").searchParams,
      headers: request.headers,
    });
    const settings = `["version","readonly","seconds"]\n["String","UInt64","Float64"]\n["26.9.2.1",${readonly},0]\n`;
    const found = Object.entries(answers).find(([part]) => sql.includes(part))?.[1];
    const [status, body] = sql.includes("getSetting") ? [200, settings] : (found ?? [404, "no answer"]);
    response.writeHead(status).end(body);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const entry = connectionEntry.parse({
    kind: "clickhouse",
    title: "Events",
    description: "Events of the web shop.",
    owner: "shop@people.example",
    reach: { host: "127.0.0.1", port, tls: "off", database: "shop", user: "reader" },
    expose: { tables: ["shop.*"] },
  });
  const target: ConnectionTarget = { name: "events", revision: "r", entry };
  return { asked, target, session: await clickhouse.open({} as Env, target, "a password", new Map()) };
}

function request(
  operation: string,
  sql: string,
  values: (string | number | null)[] = [],
  rows = 2,
): ConnectionRequest {
  const bounds = { rows, bytes: 10_000 };
  return {
    id: "1",
    operation,
    arguments: { sql, values, ...bounds },
    identity: {},
    timeoutMs: 3_000,
    repeatable: true,
    note: "gatehouse user=u trace=t",
  };
}

const ROWS =
  '["id","total","name"]\n["UInt64","Decimal(10, 2)","String"]\n["1","2.50","a"]\n["18446744073709551615","1.00","b"]\n["3","1.00","c"]\n';

describe("a session with ClickHouse, against a double of its HTTP interface", () => {
  it("sends statement, bound parameters and limits, and keeps numbers exact", async () => {
    const { asked, target, session } = await serve(0, { "FROM orders": [200, ROWS] });
    const given = request("query", "SELECT id, total, name FROM orders WHERE id > {p1:Int64}", [
      5,
      "a\tb",
      null,
    ]);
    const answer = (await session.run(target, given, 3_000, CALLER)) as unknown as AnsweredRows;
    expect(answer).toMatchObject({
      rows: [
        [1, 2.5, "a"],
        ["18446744073709551615", 1, "b"],
      ],
      cut: true,
    });
    const { query, headers, sql } = asked.at(-1) as Asked;
    expect(Object.fromEntries(query)).toMatchObject({
      database: "shop",
      readonly: "1",
      max_execution_time: "3",
      max_result_rows: "3",
      result_overflow_mode: "break",
      cancel_http_readonly_queries_on_client_close: "1",
      param_p1: "5",
      param_p2: "a\\tb",
      param_p3: "\\N",
    });
    expect(sql).toContain("user=u trace=t");
    expect(headers).toMatchObject({ "x-clickhouse-user": "reader", "x-clickhouse-key": "a password" });
    expect(query.toString() + sql).not.toContain("a password");
  });

  it.each([
    [0, { readonly: "1" }],
    [2, { readonly: undefined, max_execution_time: "3" }],
    [1, { readonly: undefined, max_execution_time: undefined }],
  ])("sends the settings that an account with readonly = %i may set", async (readonly, expected) => {
    const { asked, target, session } = await serve(readonly, { "FROM orders": [200, ROWS] });
    await session.run(target, request("query", "SELECT 1 FROM orders"), 3_000, CALLER);
    const query = Object.fromEntries((asked.at(-1) as Asked).query) as Record<string, unknown>;
    for (const [name, value] of Object.entries(expected)) expect(query[name]).toBe(value);
  });

  it.each([
    ["Code: 159. DB::Exception: Timeout exceeded: elapsed 3 s", "timeout", /time limit/],
    [
      "Code: 60. DB::Exception: Unknown table expression identifier 'ordrs'",
      "invalid_input",
      /"?ordrs"? does not exist/,
    ],
    ["Code: 497. DB::Exception: reader: Not enough privileges", "forbidden", /may not do this/],
    ["Code: 516. DB::Exception: reader: Authentication failed", "unavailable", /refuses the account/],
    ["Code: 164. DB::Exception: Cannot modify 'x' setting in readonly mode", "forbidden", /read-only/],
  ])("has words of ours for %s, before and after the first rows", async (text, code, message) => {
    const late = `["a"]\n["UInt8"]\n[1]\n${text}\n`;
    const { target, session } = await serve(0, { early: [500, text], late: [200, late] });
    for (const when of ["early", "late"]) {
      const failure = await session
        .run(target, request("query", when), 3_000, CALLER)
        .catch((thrown: unknown) => thrown);
      expect(clickhouse.explain(failure, target)).toMatchObject({
        code,
        message: expect.stringMatching(message),
      });
    }
  });

  it("writes nothing, whatever it is asked", async () => {
    const { target, session, asked } = await serve(0, {});
    const before = asked.length;
    await expect(
      session.run(target, request("write", "INSERT INTO orders VALUES (1)"), 3_000, CALLER),
    ).rejects.toThrow("read-only");
    expect(asked.length).toBe(before);
  });

  it("says what the account may do beyond reading, and that a profile has no limit", async () => {
    const grants = [
      "GRANT SELECT, SHOW ON shop.* TO reader",
      "GRANT INSERT, ALTER DELETE ON shop.orders TO reader",
      "GRANT URL ON *.* TO reader",
      "GRANT analyst TO reader",
    ];
    const { target, session } = await serve(1, {
      "SHOW GRANTS": [200, `["GRANTS"]\n["String"]\n${grants.map((grant) => `["${grant}"]`).join("\n")}\n`],
      "system.tables": [
        200,
        '["database","name","engine","total_rows","comment","primary_key"]\n["String","String","String","Nullable(UInt64)","String","String"]\n["shop","orders","MergeTree","3","","id"]\n',
      ],
      "system.columns": [
        200,
        '["database","table","name","type","comment"]\n["String","String","String","String","String"]\n["shop","orders","id","UInt64",""]\n["shop","orders","email","String",""]\n["shop","orders","reach_by","LowCardinality(String)",""]\n',
      ],
      'FROM "shop"."orders" LIMIT 20': [
        200,
        '["c0"]\n["String"]\n["ann@people.example"]\n["bob@people.example"]\n',
      ],
    });
    const report = await session.inspect(target);
    expect(report.server).toBe("ClickHouse 26.9.2.1");
    expect(report.excess.map(({ what }) => what)).toEqual([
      "INSERT on shop.orders",
      "ALTER DELETE on shop.orders",
      "URL on *.*",
      "has the role analyst",
    ]);
    expect(report.exposed).toEqual(["shop.orders"]);
    expect(report.proposals).toEqual({ "shop.orders.email": "pii", "shop.orders.reach_by": "pii" });
    expect(report.mistakes).toEqual([expect.stringContaining("no max_execution_time")]);
  });
});

describe("an entry of ClickHouse", () => {
  it("refuses what the kind does not have: the person's identity, and queries that write", () => {
    const common = {
      kind: "clickhouse",
      title: "Events",
      description: "Events.",
      owner: "x",
      reach: { host: "h", database: "shop", user: "reader" },
      expose: { tables: ["shop.*"] },
    };
    expect(connectionEntry.safeParse({ ...common, identity: { "app.user": "user_id" } }).success).toBe(false);
    const write = { title: "W", description: "w", sql: "INSERT INTO x SELECT 1", effect: "create" };
    expect(connectionEntry.safeParse({ ...common, queries: { write } }).success).toBe(false);
  });
});
