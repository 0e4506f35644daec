import { once } from "node:events";
import { type AddressInfo, createServer as createTcp, type Server, type Socket } from "node:net";
import mysql2 from "mysql2";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type ConnectionEntry, connectionEntry } from "../../shared/connections/entry.ts";
import type { ConnectionRequest, ConnectionTarget } from "../../shared/objects/connection-gate.ts";
import {
  type Connector,
  OPEN_MS,
  RefusedRequest,
  UnansweredCommit,
} from "../../workers/connections/connector.ts";
import { kafka } from "../../workers/connections/kafka/connector.ts";
import { mysql } from "../../workers/connections/mysql/connector.ts";
import { oracle } from "../../workers/connections/oracle/connector.ts";
import { postgresql } from "../../workers/connections/postgresql/connector.ts";
import { redis } from "../../workers/connections/redis/connector.ts";

const closing: (() => void)[] = [];

afterEach(() => {
  vi.useRealTimers();
  for (const close of closing.splice(0)) close();
});

/** A server that takes connections, answers with `say`, and never closes its end of a socket. */
async function startServer(say: (socket: Socket) => void) {
  const open = new Set<Socket>();
  let opened = 0;
  const server: Server = createTcp({ allowHalfOpen: true }, (socket) => {
    opened += 1;
    open.add(socket);
    socket.on("error", () => {});
    socket.on("end", () => open.delete(socket));
    socket.on("close", () => open.delete(socket));
    socket.on("data", () => say(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, open, opened: () => opened };
}

const REACH = { host: "127.0.0.1", tls: "off" };
const KINDS: Record<string, { connector: Connector; reach?: object; more: object }> = {
  postgresql: {
    connector: postgresql,
    reach: { database: "shop", user: "reader" },
    more: { expose: { tables: ["public.*"] } },
  },
  mysql: {
    connector: mysql,
    reach: { database: "shop", user: "reader" },
    more: { expose: { tables: ["shop.*"] } },
  },
  redis: { connector: redis, reach: { user: "reader" }, more: { expose: { prefixes: ["a"] } } },
  oracle: {
    connector: oracle,
    reach: { service: "SALES", user: "READER" },
    more: { expose: { tables: ["SALES.*"] } },
  },
  kafka: { connector: kafka, more: { auth: { type: "none" }, expose: { topics: ["orders"] } } },
};

function targetOf(kind: string, port: number): ConnectionTarget {
  const { reach, more } = KINDS[kind] as { reach?: object; more: object };
  const common = { kind, title: "Shop", description: "Shop.", owner: "x" };
  const entry: ConnectionEntry = connectionEntry.parse({
    ...common,
    ...more,
    reach: { ...REACH, ...reach, port },
  });
  return { name: "shop", revision: "r", entry };
}

const openOf = (kind: string, port: number) =>
  (KINDS[kind] as { connector: Connector }).connector.open(
    {} as Env,
    targetOf(kind, port),
    "secret",
    new Map(),
  );

/** A MariaDB server that takes every account. */
async function startMariadb(answer: (sql: string, connection: MariadbSide) => void) {
  const server = mysql2.createServer(() => {});
  const open = new Set<MariadbSide>();
  server.on("connection", (given: unknown) => {
    const connection = given as MariadbSide;
    open.add(connection);
    connection.on("error", () => {});
    connection.stream.on("close", () => open.delete(connection));
    connection.serverHandshake({
      ...{ protocolVersion: 10, serverVersion: "11.4.0-MariaDB", connectionId: 7, statusFlags: 2 },
      ...{ characterSet: 45, capabilityFlags: 0xfff7ff },
    });
    connection.on("query", (sql: string) => answer(sql, connection));
    connection.on("stmt_prepare", (sql: string) => answer(sql, connection));
    connection.on("stmt_execute", () => answer("", connection));
  });
  closing.push(() => {
    for (const { stream } of open) stream.destroy();
    server.close(() => {});
  });
  server.listen(0);
  // Its types leave out the socket that it listens at.
  const { _server: listening } = server as unknown as { _server: Server };
  await once(listening, "listening");
  return { port: (listening.address() as AddressInfo).port, open };
}

/** The server's side of a connection of the driver. */
interface MariadbSide {
  stream: Socket;
  on(event: string, listener: (...given: never[]) => void): void;
  serverHandshake(greeting: object): void;
  writeOk(): void;
  writeError(error: { message: string; code: number }): void;
  writeTextResult(rows: object[], columns: object[]): void;
}

const COLUMN = { catalog: "def", schema: "", table: "", orgTable: "", orgName: "", characterSet: 45 };

/** The answer to a statement without parameters that is prepared. */
function givePrepared({ stream }: MariadbSide): void {
  stream.write(Uint8Array.from([12, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
}

function giveVersion(connection: MariadbSide): void {
  const column = { ...COLUMN, name: "version", columnLength: 80, columnType: 253, flags: 0, decimals: 0 };
  connection.writeTextResult([{ version: "11.4.0-MariaDB" }], [column]);
}

describe("a session that does not open", () => {
  it.each(["postgresql", "mysql", "redis", "oracle", "kafka"])(
    "keeps no socket at a silent server: %s",
    async (kind) => {
      const server = await startServer(() => {});
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
      const opening = openOf(kind, server.port).catch((failure: unknown) => failure);
      await vi.waitUntil(() => server.opened() === 1);
      await vi.advanceTimersByTimeAsync(OPEN_MS);
      expect(await opening).toBeInstanceOf(Error);
      await vi.waitUntil(() => server.open.size === 0);
    },
  );

  it.each([
    ["postgresql", "E\0\0\0\x1cSFATAL\0C28P01\0Mrefused\0\0"],
    ["redis", "-WRONGPASS refused\r\n".repeat(4)],
  ])("keeps no socket at a server that refuses and does not close: %s", async (kind, refusal) => {
    const server = await startServer((socket) => socket.write(refusal, "latin1"));
    await expect(openOf(kind, server.port)).rejects.toThrow();
    await vi.waitUntil(() => server.open.size === 0);
  });

  it("keeps no socket of MySQL whose first statement fails", async () => {
    const server = await startMariadb((_sql, connection) =>
      connection.writeError({ message: "no", code: 1142 }),
    );
    await expect(openOf("mysql", server.port)).rejects.toThrow();
    await vi.waitUntil(() => server.open.size === 0);
  });
});

/** Begins a write at a server of {@link startMariadb}. */
async function writeAt(port: number, checkCancelled = () => {}) {
  const session = await openOf("mysql", port);
  closing.push(() => session.close());
  const request: ConnectionRequest = {
    ...{ id: "1", operation: "write", identity: {}, timeoutMs: 3_000, repeatable: false, note: "test" },
    arguments: { sql: "INSERT INTO notes VALUES (1)", values: [], rows: 1, bytes: 1_000 },
  };
  const caller = { checkCancelled } as Parameters<typeof session.run>[3];
  return { session, running: session.run(targetOf("mysql", port), request, 3_000, caller) };
}

it.each([
  ["1180, an error of the storage", 1180, null],
  ["1927, a killed session", 1927, null],
  ["1317, an interruption", 1317, null],
  ["1213, a deadlock that rolled it back", 1213, { code: "conflict" }],
  ["1290, a server that only reads", 1290, { code: "invalid_input" }],
])("of MySQL takes a COMMIT that fails for one that may be done, or not: %s", async (_what, code, words) => {
  const server = await startMariadb((sql, connection) => {
    if (sql.startsWith("SELECT VERSION")) return giveVersion(connection);
    if (sql.startsWith("/*")) return givePrepared(connection);
    if (sql === "COMMIT") return connection.writeError({ message: "no", code });
    connection.writeOk();
  });
  const { session, running } = await writeAt(server.port);
  const failure: unknown = await running.catch((thrown: unknown) => thrown);
  expect(failure).toBeInstanceOf(Error);
  expect(failure instanceof UnansweredCommit).toBe(words === null);
  const said = mysql.explain(failure, targetOf("mysql", server.port));
  expect(said).toEqual(words && expect.objectContaining(words));
  expect(session.isUsable()).toBe(words !== null);
});

it.each([
  ["ERROR", { code: "invalid_input" }],
  ["FATAL", null],
])("of PostgreSQL takes 08P01 with %s for what it is: a pooler ends sessions with it", (severity, words) => {
  const failure = Object.assign(new Error("query_wait_timeout"), { code: "08P01", severity });
  expect(postgresql.explain(failure, targetOf("postgresql", 1))).toEqual(
    words && expect.objectContaining(words),
  );
});

it("of MySQL sends no write whose caller hung up after the beginning of its transaction", async () => {
  const asked: string[] = [];
  let hungUp = false;
  const server = await startMariadb((sql, connection) => {
    asked.push(sql);
    if (sql.startsWith("SELECT VERSION")) return giveVersion(connection);
    if (sql.startsWith("START TRANSACTION")) hungUp = true;
    connection.writeOk();
  });
  const checkCancelled = () => {
    if (hungUp) throw new RefusedRequest({ code: "cancelled", message: "The call was cancelled." });
  };
  const { running } = await writeAt(server.port, checkCancelled);
  await expect(running).rejects.toMatchObject({ failure: { code: "cancelled" } });
  expect(asked.slice(-2)).toEqual(["START TRANSACTION READ WRITE", "ROLLBACK"]);
});
