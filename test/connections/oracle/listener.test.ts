import { once } from "node:events";
import { createConnection } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import { readConnections } from "../../../scripts/connections/files.ts";
import { suggestAccount } from "../../../scripts/connections/suggest-account.ts";
import { connectionEntry } from "../../../shared/connections/entry.ts";
import { RefusedRequest } from "../../../workers/connections/connector.ts";
import { describeReach } from "../../../workers/connections/describe-reach.ts";
import { oracle } from "../../../workers/connections/oracle/connector.ts";
import { describeAddress } from "../../../workers/connections/oracle/driver.ts";
import { type OracleListener, startOracleListener } from "../../support/oracle-listener.ts";
import { COMMON, targetOf } from "./shop.ts";

// The real driver, and a listener of ours: what can be known without a database.
/** What the runtime's sockets find out in the Worker. */
function takesConnections(host: string, port: number): Promise<boolean> {
  const socket = createConnection({ host, port });
  return once(socket, "connect")
    .then(
      () => true,
      () => false,
    )
    .finally(() => socket.destroy());
}

describe("a connection to Oracle, against a double of a listener", () => {
  const listeners: OracleListener[] = [];

  afterEach(() => {
    vi.useRealTimers();
    for (const listener of listeners.splice(0)) listener.close();
  });

  async function connect(service: string, change: object = {}) {
    const listener = await startOracleListener();
    listeners.push(listener);
    const target = targetOf({ reach: { ...COMMON.reach, port: listener.port, service, ...change } });
    const opening = oracle.open({} as Env, target, "a secret password", new Map());
    const failure = opening.then(
      () => null,
      (thrown: unknown) => thrown,
    );
    const explain = async () => {
      const thrown = await failure;
      if (thrown instanceof RefusedRequest) return thrown.failure;
      return oracle.explain(thrown, target) ?? describeReach(thrown, target, takesConnections);
    };
    return { listener, explain };
  }

  it.each([
    ["a service that is not there", "NOTHING", /service of Sales does not exist/],
    [
      "a listener that refuses every client",
      "LOCKED",
      /listener of Sales refuses its clients .error ORA-12526/,
    ],
    ["a listener that breaks off", "CLOSED", /does not speak as this kind of server does/],
    ["another kind of server", "GARBAGE", /does not speak as this kind of server does/],
    [
      "a listener that sends clients on to another host",
      "CLUSTER",
      /sends its clients on to another address/,
    ],
    ["a database that is too old", "OLD", /older than Oracle 12\.1/],
  ])("is refused in one sentence with %s", async (_what, service, message) => {
    const { explain } = await connect(service);
    const said = await explain();
    expect(said).toMatchObject({ message: expect.stringMatching(message) });
    expect(JSON.stringify(said)).not.toMatch(/a secret password|NJS-|10\.0\.0\.9/);
  });

  it("is refused where nothing listens", async () => {
    const { explain, listener } = await connect("SALES", { port: 1 });
    expect(await explain()).toMatchObject({ message: "Nothing answers at 127.0.0.1:1." });
    expect(listener.asked).toEqual([]);
  });

  it.each(["SILENT", "DEAF"])("ends the socket of a server that never answers (%s)", async (service) => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const listener = await startOracleListener();
    listeners.push(listener);
    const arrived = listener.nextClient();
    const target = targetOf({ reach: { ...COMMON.reach, port: listener.port, service } });
    const failure = oracle.open({} as Env, target, "pw", new Map()).catch((thrown: unknown) => thrown);
    const socket = await arrived;
    const closed = new Promise((resolve) => socket.once("close", resolve));
    await vi.advanceTimersByTimeAsync(5_000);
    await closed;
    await expect(describeReach(await failure, target, takesConnections)).resolves.toMatchObject({
      message: expect.stringMatching(/does not answer/),
    });
  });

  it("names service and program to the listener, and nothing of this machine or the account", async () => {
    const { listener, explain } = await connect("NOTHING");
    await explain();
    const [asked = ""] = listener.asked;
    expect(asked).toContain("(SERVICE_NAME=NOTHING)");
    expect(asked).toContain("(SERVER=DEDICATED)");
    expect(asked).not.toMatch(/secret|GATEHOUSE/);
  });

  it("asks at 1521, and at 2484 over TLS, unless the entry names a port", () => {
    const addressOf = (reach: object) =>
      describeAddress(targetOf({ reach: { ...COMMON.reach, ...reach } }).entry.reach);
    expect(addressOf({})).toContain("(PROTOCOL=tcp)(HOST=127.0.0.1)(PORT=1521)");
    expect(addressOf({ tls: "required", host: "db.example" })).toContain(
      "(PROTOCOL=tcps)(HOST=db.example)(PORT=2484)",
    );
    expect(addressOf({ port: 1522 })).toContain("(PORT=1522)");
  });

  it("needs a password", async () => {
    await expect(oracle.open({} as Env, targetOf(), null, new Map())).rejects.toThrow(
      "No password is stored",
    );
  });
});

describe("an entry of Oracle", () => {
  it.each([
    ["a service with parentheses", { reach: { ...COMMON.reach, service: "A)(HOST=10.0.0.1" } }],
    ["an account that signs in for another one", { reach: { ...COMMON.reach, user: "GATE[SYS]" } }],
    ["a database in the place of a service", { reach: { host: "h", database: "x", user: "GATEHOUSE" } }],
    ["a connection string in the place of a host", { reach: { ...COMMON.reach, host: "h:1521/SALES" } }],
    ["a setting that a statement of the account could not have", { identity: { "app.user_id": "user_id" } }],
    ["the schema as a setting", { identity: { current_schema: "user_id" } }],
    ["a misspelt field", { colums: {} }],
    ["a table without its schema", { expose: { tables: ["ORDERS"] } }],
    ["a port that is none", { reach: { ...COMMON.reach, port: 70_000 } }],
  ])("refuses %s", (_what, change) => {
    expect(connectionEntry.safeParse(COMMON).success).toBe(true);
    expect(connectionEntry.safeParse({ ...COMMON, ...change }).success).toBe(false);
  });

  it.each([
    ["kind: orcale", "kind: oracle", '"orcale" is not a kind of connection. Did you mean "oracle"?'],
    ["servise: SALES", "service: SALES", "is missing"],
    [
      'service: "A)(B"',
      "service: SALES",
      "must be the name of a service, such as SALES or sales.example.com",
    ],
    ["user: a b", "user: GATEHOUSE", "must be the name of an account, such as GATEHOUSE"],
    [
      "app.user_id: user_id",
      "client_identifier: user_id",
      "must be client_identifier, or clientcontext. and a name in lower case",
    ],
    [
      "expose: { tables: [ORDERS] }",
      'expose: { tables: ["SHOP.*"] }',
      "must be schema.table, where * stands for any characters",
    ],
    ["colums:", "columns:", 'is not a field that a connection has here. Did you mean "columns"?'],
  ])("is refused in a file with %s in one sentence", (wrong, right, sentence) => {
    const file = [
      "connections:",
      "  sales:",
      "    kind: oracle",
      "    title: Sales",
      "    description: Invoices.",
      "    owner: x@people.example",
      "    reach: { host: db.people.example, service: SALES, user: GATEHOUSE }",
      '    expose: { tables: ["SHOP.*"] }',
      "    identity: { client_identifier: user_id }",
      "    columns: { SHOP.CUSTOMERS.EMAIL: pii }",
    ].join("\n");
    expect(readConnections("c.yaml", file).mistakes).toEqual([]);
    const [mistake] = readConnections("c.yaml", file.replace(right, wrong)).mistakes;
    expect(mistake?.message).toBe(sentence);
  });

  it("comes with the SQL of an account that only reads", () => {
    const sql = suggestAccount(targetOf({ expose: { tables: ["SHOP.ORDERS", "HR.*"] } }).entry);
    expect(sql).toContain("GRANT CREATE SESSION TO gatehouse;");
    expect(sql).toContain("GRANT READ ON SHOP.ORDERS TO gatehouse;");
    expect(sql).toContain("WHERE owner LIKE 'HR'");
    expect(sql).not.toMatch(/DBA|RESOURCE|ANY TABLE/);
  });
});
