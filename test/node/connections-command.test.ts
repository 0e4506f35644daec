import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { createConnection } from "mysql2/promise";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ServerAddress, startDatabaseServers } from "../../scripts/databases/debian-servers.ts";
import { findAbsentServers } from "../../scripts/local/database-servers.ts";
import { type LocalGateway, startLocalGateway } from "../support/local-gateway.ts";

const PASSWORD = "only-reads-4711";

/** Seconds that adding a connection may take, the person's answers left out. */
const MOST_SECONDS = 120;

const isAbsent = findAbsentServers().some((name) => name !== "Redis");

let gateway: LocalGateway;
let postgresql: ServerAddress;
let mariadb: ServerAddress;

const run = (args: readonly string[], stdin = "") => gateway.runConnections(args, stdin);
const file = () => path.join(gateway.folder, "connections.yaml");
const written = () => readFile(file(), "utf8");

/** Changes the file as a person does in an editor. */
async function edit(before: string | RegExp, after: string): Promise<void> {
  const text = await written();
  const changed = text.replace(before, after);
  expect(changed).not.toBe(text);
  await writeFile(file(), changed);
}

async function onPostgresql(database: string, ...statements: string[]): Promise<void> {
  const client = new pg.Client({ ...postgresql, database });
  await client.connect();
  for (const statement of statements) await client.query(statement);
  await client.end();
}

/** Flags of `add` for the database of sales. */
const addSales = (more: Readonly<Record<string, string>> = {}) => {
  const flags = {
    ...{ kind: "postgresql", host: postgresql.host, port: String(postgresql.port), database: "sales" },
    ...{ user: "gatehouse", tls: "off", title: "Sales", owner: "sales@example.com" },
    ...more,
  };
  return ["add", "sales", ...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value])];
};

describe.skipIf(isAbsent)("npm run connections", () => {
  beforeAll(async () => {
    const servers = await startDatabaseServers();
    if (servers.postgresql === null || servers.mariadb === null) throw new Error("A server is missing.");
    ({ postgresql, mariadb } = servers);
    await onPostgresql("postgres", "CREATE DATABASE sales");
    await onPostgresql(
      "sales",
      "CREATE TABLE invoices (id integer PRIMARY KEY, email text, total numeric)",
      "CREATE TABLE payroll (id integer PRIMARY KEY, salary numeric)",
      "INSERT INTO invoices VALUES (1, 'one@example.com', 5)",
      "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
      `CREATE ROLE gatehouse LOGIN PASSWORD '${PASSWORD}'; GRANT SELECT ON invoices TO gatehouse`,
      `CREATE ROLE writer LOGIN PASSWORD '${PASSWORD}'; GRANT SELECT, INSERT ON invoices TO writer`,
      "ALTER ROLE writer SET default_transaction_read_only = on",
    );
    const { host, port, user, password } = mariadb;
    const owner = await createConnection({ host, port, user, password, multipleStatements: true });
    await owner.query(
      `CREATE DATABASE stock; CREATE TABLE stock.articles (id int PRIMARY KEY, name varchar(80), supplier_email varchar(80));
       CREATE USER gatehouse@'%' IDENTIFIED BY '${PASSWORD}'; GRANT SELECT, SHOW VIEW ON stock.* TO gatehouse@'%'`,
    );
    await owner.end();
    gateway = await startLocalGateway("");
  });

  afterAll(() => gateway?.close());

  it("add refuses every mistake in a sentence, and writes nothing", async () => {
    const cases: readonly [args: string[], secret: string, ...says: RegExp[]][] = [
      [
        addSales({ kind: "postgresq" }),
        PASSWORD,
        /"postgresq" is not a kind of connection\./,
        /Did you mean "postgresql"\?/,
      ],
      [addSales({ kind: "PostgreSQL" }), PASSWORD, /Did you mean "postgresql"\?/],
      [addSales({ port: "0" }), PASSWORD, /--port 0 is not possible\./],
      [addSales({ port: "65536" }), PASSWORD, /--port 65536 is not possible\./],
      [addSales({ host: "postgres://db.example.com" }), PASSWORD, /reach\.host: must be a host name/],
      [addSales({ host: "db:5432" }), PASSWORD, /reach\.host: must be a host name/],
      [addSales({ tables: "" }), PASSWORD, /expose\.tables/],
      [["add", "Sales", "--kind", "postgresql"], PASSWORD, /"Sales" must be one lower-case word/],
      [addSales(), "x".repeat(100_000), /A password has at most 16384 characters; this one has 100000\./],
      [["secret", "Sales"], PASSWORD, /"Sales" is no name of a connection or secret\./],
      [addSales({ port: "1" }), PASSWORD, /Nothing answers at 127\.0\.0\.1:1\./],
      [
        addSales(),
        "wrong",
        /Sales refuses the account of this connection\./,
        /Check database, user and password/,
      ],
      [addSales(), "", /No password was given\./],
      [addSales({ database: "nothing" }), PASSWORD, /The database of Sales does not exist\./],
      [
        addSales({ host: "127.0.0.2", tls: "required" }),
        PASSWORD,
        /TLS with 127\.0\.0\.2:\d+ failed: its certificate is of another host/,
      ],
      [addSales({ tls: "on" }), PASSWORD, /reach\.tls|must be one of required, off/],
      [
        addSales({ tables: "public.invoicez" }),
        PASSWORD,
        /expose\.tables: "public\.invoicez" matches no table that the account may read\./,
      ],
      [
        addSales({ tables: "public.payroll" }),
        PASSWORD,
        /expose\.tables: "public\.payroll" matches no table that the account may read\./,
      ],
      [
        addSales({ user: "writer" }),
        PASSWORD,
        /The account may do more than read: write to invoices\./,
        /CREATE ROLE gatehouse LOGIN/,
      ],
      [
        [...addSales(), "--secrets-store", "SALES_PASSWORD"],
        "",
        /The secret of Sales is not bound to this deployment: the binding SALES_PASSWORD is missing\./,
      ],
    ];
    for (const [args, secret, ...says] of cases) {
      const { code, output } = await run(args, secret);
      expect(code, output).toBe(1);
      for (const one of says) expect(output).toMatch(one);
      expect(output).not.toContain(PASSWORD);
      expect(output).not.toMatch(/at .*\.ts:\d+/);
    }
    expect(await written()).toBe("connections: {}\n");
    expect((await run(["status"])).output).toContain("No connection is published.");
  });

  it("add writes the entry and its password, and says how a role gets it", async () => {
    const { code, output } = await run(addSales({ tables: "public.*" }), PASSWORD);
    expect(code, output).toBe(0);
    expect(output).toMatch(/✓ sales: PostgreSQL \d+\.\d+.*, 1 object exposed/);
    expect(output).toContain("public.invoices.email looks like pii");
    expect(output).toContain("Only admin may use sales.");
    expect(output).toContain('scopes: [… , "sales:read"]');
    expect(output).toContain('allowed_tools: [… , "sales_*"]');
    expect(await written()).not.toContain(PASSWORD);
    const again = await run(addSales(), PASSWORD);
    expect(again.output).toContain('There is a connection "sales" already.');
  });

  it("doctor and test say what the account may do, and where its password comes from", async () => {
    const [doctor, test, unknown] = [
      await run(["doctor", "sales"]),
      await run(["test"]),
      await run(["doctor", "slaes"]),
    ];
    expect(doctor.output).toContain("Its secret comes from the vault (sales).");
    expect(doctor.output).toContain("It may create temporary tables, as every role may");
    expect(test.output).toContain("✓ sales: PostgreSQL");
    expect(test.output).toContain("Its secret comes from the vault (sales).");
    expect(unknown.output).toContain('Did you mean "sales"?');
  });

  it("publish refuses what does not fit as a whole, with file and line", async () => {
    await edit(
      "    columns:",
      `    queries:
      total_of:
        title: Total
        description: Sum of one invoice.
        sql: SELECT totl FROM invoices WHERE id = $1
        parameters: { id: { type: integer, description: Number. } }
    columns:`,
    );
    const lineOf = (await written()).split("\n").findIndex((one) => one.includes("sql:")) + 1;
    const wrong = await run(["publish"]);
    expect(wrong.code).toBe(1);
    expect(wrong.output).toContain("Nothing was published.");
    expect(wrong.output).toContain(
      `connections.yaml:${lineOf} connections.sales.queries.total_of.sql: The column "totl" does not exist. Did you mean "total"?`,
    );
    await edit("totl", "total");

    expect((await run(["secret", "sales", "--remove"])).output).toContain("✓ The password sales is removed.");
    const without = await run(["publish"]);
    expect(without.output).toContain("No password is stored for the account of Sales.");
    expect((await run(["secret", "sales"], "wrong")).output).toContain("✓ The password sales is set.");
    const refused = await run(["publish"]);
    expect(refused.output).toContain("Sales refuses the account of this connection.");
    expect((await run(["secret", "sales"], "")).output).toContain("No password was given.");

    await edit("user: gatehouse", "user: writer");
    expect((await run(["secret", "sales"], PASSWORD)).code).toBe(0);
    const writes = await run(["publish"]);
    expect(writes.output).toContain("The account may do more than read: write to invoices.");
    await edit("user: writer", "user: gatehouse");
    for (const { code, output } of [without, refused, writes]) {
      expect(code).toBe(1);
      expect(output).toContain("Nothing was published.");
    }
    const [status, versions] = [await run(["status"]), await run(["versions", "sales"])];
    expect(status.output).toContain("No connection is published.");
    expect(versions.output).toContain('No publication has a connection "sales".');
  });

  it("diff, publish, versions, status and remove follow a connection from its first publication to its end", async () => {
    const before = await run(["diff"]);
    expect(before.output).toContain("+ sales");
    const first = await run(["publish", "--note", "Add sales"]);
    expect(first.code, first.output).toBe(0);
    expect(first.output).toMatch(/Publication \d+ is in force within 30 seconds: \+sales\./);
    expect(first.output).toContain("Only admin may use sales.");
    expect((await run(["publish"])).output).toContain("The file says what is in force already.");

    await edit(
      /description: Data of Sales\.?/,
      "description: Invoices since 2019.\n    allow_privileged_role: true",
    );
    const diff = await run(["diff"]);
    expect(diff.output).toContain("~ sales  \u001b[31mPRIVILEGED ROLE\u001b[0m");
    expect(diff.output).toContain("allow_privileged_role: false → true");
    const second = await run(["publish", "--note", "Say more"]);
    expect(second.output).toContain("PRIVILEGED ROLE");
    const [versions, status] = [await run(["versions", "sales"]), await run(["status"])];
    expect(versions.output).toMatch(/^\* publication \d+ .*Say more$/m);
    expect(versions.output).toMatch(/^ {2}publication \d+ .*Add sales$/m);
    expect(status.output).toMatch(/✓ sales +postgresql .*secret from the vault \(sales\).*PRIVILEGED ROLE/);

    const removed = await run(["remove", "sales"]);
    expect(removed.output).toContain("sales is out of force within 30 seconds.");
    const [gone, after] = [await run(["remove", "sales"]), await run(["status"])];
    expect(gone.code).toBe(1);
    expect(gone.output).toContain('No connection "sales" is in force.');
    expect(after.output).toContain("No connection is published.");
  });

  it("add and publish bring a MariaDB within two minutes", async () => {
    const begun = performance.now();
    // As docs/connections.md shows it; the server of this test has a port of its own.
    const place = ["--database", "stock", "--port", String(mariadb.port)];
    const added = await run(["add", "stock", "--kind", "mysql", ...place], PASSWORD);
    expect(added.code, added.output).toBe(0);
    expect(added.output).toMatch(/✓ stock: MariaDB 1\d\..*, 1 object exposed/);
    expect(added.output).toContain("stock.articles.supplier_email looks like pii");
    const published = await run(["publish", "--note", "Add stock"]);
    expect(published.code, published.output).toBe(0);
    const seconds = (performance.now() - begun) / 1_000;
    expect(seconds).toBeLessThan(MOST_SECONDS);
    // An account that writes is accepted where the person says so.
    const flags = [...addSales({ user: "writer" }).slice(2), "--allow-privileged-role"];
    const allowed = await run(["add", "orders", ...flags], PASSWORD);
    expect(allowed.code, allowed.output).toBe(0);
    expect(allowed.output).toMatch(/✓ orders: .*PRIVILEGED ROLE/);
    console.log(`${added.output}\n${published.output}\n${seconds.toFixed(1)} seconds`);
  });
});
