import type { Connection, ConnectionOptions } from "mysql2";
import type { MysqlEntry } from "../../../shared/connections/kinds/mysql.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import type {
  ConnectionReport,
  ConnectionRequest,
  ConnectionTarget,
  Inspected,
} from "../../../shared/objects/connection-gate.ts";
import {
  type Connector,
  commit,
  OPEN_MS,
  RefusedRequest,
  type Session,
  type SessionCaller,
  UnansweredCommit,
  withoutPassword,
} from "../connector.ts";
import { type MeteredSocket, readAtMostFrom } from "../meter-socket.ts";
import { budgetOf, openOrClose } from "../open-or-close.ts";
import { MOST_BYTES, MOST_OF_CATALOGUE, refuseSize } from "../sql/answer-size.ts";
import { boundRows } from "../sql/bound-rows.ts";
import { findHyperdrive } from "../sql/hyperdrive.ts";
import { type AnsweredRows, sqlOperation } from "../sql/operation.ts";
import { orProcedureFailure } from "../sql/procedure-failure.ts";
import { writeNote } from "../sql/statement-note.ts";
import { readMysqlCatalogue } from "./catalogue.ts";
import { describeField, type FieldPacket } from "./column-type.ts";
import { explainMysql, isRolledBack } from "./errors.ts";
import { inspectMysql } from "./inspect.ts";
import { useRuntimeTls } from "./runtime-tls.ts";

/** Connects to MySQL and MariaDB with the driver `mysql2`. */
export const mysql: Connector = {
  async open(env, { entry }, secret, _memory, timeoutMs) {
    const left = budgetOf(timeoutMs);
    const config = configOf(env, entry as MysqlEntry, secret);
    const open = async (ms: number) => {
      const { default: driver } = await import("mysql2");
      const connection = driver.createConnection(config);
      if (config.ssl !== undefined) useRuntimeTls(connection);
      const connect = () =>
        new Promise<void>((resolve, reject) =>
          connection.connect((error) => (error ? reject(error) : resolve())),
        );
      await openOrClose(connect, () => destroy(connection), ms);
      return connection;
    };
    const session = new MysqlSession(await open(left()), open);
    await openOrClose(
      () => session.prepare(),
      () => session.close(),
      left(),
    );
    return session;
  },
  explain: explainMysql,
};

function configOf(env: Env, { reach, title }: MysqlEntry, secret: string | null): ConnectionOptions {
  // The runtime forbids code from strings; numbers that do not fit stay text.
  const driver = {
    disableEval: true,
    supportBigNumbers: true,
    dateStrings: true,
    connectTimeout: OPEN_MS,
  } as ConnectionOptions;
  if ("hyperdrive" in reach) {
    const { host, port, user, password, database } = findHyperdrive(env, reach.hyperdrive, title);
    return { ...driver, host, port, user, password, database };
  }
  if (secret === null) throw new RefusedRequest(withoutPassword(title));
  return {
    ...driver,
    host: reach.host,
    port: reach.port ?? 3306,
    database: reach.database,
    user: reach.user,
    password: secret,
    ...(reach.tls === "required" && { ssl: {} }),
  };
}

/** The write has failed, and the server could not undo all of it. */
function refuseUndone(): RefusedRequest {
  return new RefusedRequest({
    code: "outcome_unknown",
    message:
      "The change was stopped, and a table without transactions cannot undo it: a part of it may be carried out.",
    action: "Look at the data before you repeat the call.",
  });
}

/** Closes the socket of a connection. The driver alone closes its own end, and the socket stays until the server closes it. */
function destroy(connection: Connection): void {
  connection.destroy();
  (connection as unknown as { stream: { destroy(): void } }).stream.destroy();
}

/** The judge reads a statement as the server does in this mode. */
const SQL_MODE = "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION";

/** For whom a transaction is, and for how long. */
interface TransactionCall extends Pick<SessionCaller, "checkCancelled"> {
  identity: Readonly<Record<string, string>>;
  timeoutMs: number;
}

class MysqlSession implements Session {
  readonly isEndedByCancel = true;
  readonly #connection: Connection;
  readonly #another: (ms: number) => Promise<Connection>;
  #usable = true;
  #left = false;
  #isMaria = false;

  constructor(connection: Connection, another: (ms: number) => Promise<Connection>) {
    this.#connection = connection;
    this.#another = another;
    const drop = () => {
      this.#usable = false;
    };
    connection.on("error", drop);
    connection.on("end", drop);
  }

  /** Learns which of the two it is: they name their time limits differently. */
  async prepare(): Promise<void> {
    const [row] = await this.#ask<{ version: string }>("SELECT VERSION() AS version");
    this.#isMaria = /maria/i.test(row?.version ?? "");
  }

  isUsable(): boolean {
    return this.#usable;
  }

  get isLeft(): boolean {
    return this.#left;
  }

  async run(
    target: ConnectionTarget,
    request: ConnectionRequest,
    timeoutMs: number,
    { checkCancelled }: Pick<SessionCaller, "checkCancelled">,
  ): Promise<JsonValue> {
    const operation = sqlOperation.parse({ operation: request.operation, ...request.arguments });
    const writes = operation.operation === "write";
    return await this.#inTransaction(
      writes,
      { identity: request.identity, timeoutMs, checkCancelled },
      async () => {
        if (operation.operation === "catalogue") {
          const { tables } = await readMysqlCatalogue((sql) => this.#ask(sql), target.entry as MysqlEntry);
          return tables as unknown as JsonValue;
        }
        const text = `${writeNote(request.note)}${operation.operation === "explain" ? "EXPLAIN " : ""}${operation.sql}`;
        const read = () => this.#read(text, operation.values, operation, writes);
        if (!writes) return (await read()) as unknown as JsonValue;
        const isAnswered = (failure: unknown) => explainMysql(failure, target) !== null;
        const write = async () => {
          const written = await read();
          checkCancelled();
          return written;
        };
        return (await orProcedureFailure(operation.sql, isAnswered, write)) as unknown as JsonValue;
      },
    );
  }

  async inspect(target: ConnectionTarget, what?: Inspected): Promise<ConnectionReport> {
    const timeoutMs = target.entry.limits.seconds * 1_000;
    const call = { identity: {}, timeoutMs, checkCancelled: () => {} };
    const ask = <Row>(sql: string, values?: string[]) => this.#ask<Row>(sql, values);
    const prepare = (sql: string) => this.#prepare(sql);
    return await this.#inTransaction(false, call, () => inspectMysql(ask, prepare, target, what));
  }

  async cancel(): Promise<void> {
    const left = budgetOf();
    const other = await this.#another(left());
    other.on("error", () => {});
    const kill = () =>
      new Promise((resolve) => other.query(`KILL QUERY ${Number(this.#connection.threadId)}`, resolve));
    try {
      await openOrClose(kill, () => {}, left());
    } finally {
      destroy(other);
    }
  }

  close(): void {
    this.#usable = false;
    destroy(this.#connection);
  }

  async #inTransaction<Value>(
    writes: boolean,
    { identity, timeoutMs, checkCancelled }: TransactionCall,
    work: () => Promise<Value>,
  ): Promise<Value> {
    const limit = this.#isMaria
      ? `SET SESSION max_statement_time = ${(timeoutMs / 1_000).toFixed(3)}`
      : `SET SESSION max_execution_time = ${Math.max(1, Math.round(timeoutMs))}`;
    try {
      // Set again before each call: a statement of an earlier caller must not have lifted it.
      await this.#ask(`${limit}, sql_mode = '${SQL_MODE}', NAMES utf8mb4`);
      for (const [setting, value] of Object.entries(identity)) {
        await this.#ask(`SET @${setting.replaceAll(/[^a-z0-9_]/g, "_")} = ?`, [value]);
      }
      await this.#ask(`START TRANSACTION ${writes ? "READ WRITE" : "READ ONLY"}`);
      // A kill that came between two statements has ended none.
      checkCancelled();
      const value = await work();
      if (writes) await commit(() => this.#end("COMMIT"), isRolledBack);
      else await this.#end("ROLLBACK");
      return value;
    } catch (failure) {
      if (failure instanceof UnansweredCommit) this.close();
      // Of a lost socket the driver tells the statement that waits, and emits no event.
      if ((failure as { fatal?: boolean }).fatal === true) this.#usable = false;
      const isUndone = await this.#end("ROLLBACK").catch(() => {
        this.#usable = false;
        return true;
      });
      if (writes && !isUndone) throw refuseUndone();
      throw failure;
    }
  }

  /**
   * Ends the transaction; the server ends that of an abandoned session by itself. False where the server warns that
   * tables without transactions keep what was changed (`ER_WARNING_NOT_COMPLETE_ROLLBACK`).
   */
  async #end(how: "COMMIT" | "ROLLBACK"): Promise<boolean> {
    if (this.#usable) {
      const { warningStatus = 0 } = (await this.#ask(how)) as { warningStatus?: number };
      return warningStatus === 0;
    }
    if (how === "COMMIT") throw new Error("The session was closed before its COMMIT.");
    return true;
  }

  /** Ends the request before its statement: what is still sent waits at the server until the socket is closed. */
  #leave(): void {
    this.#usable = false;
    this.#left = true;
    (this.#connection as unknown as { stream: NodeJS.ReadableStream }).stream.pause();
  }

  /** A statement of ours, whose answer is small unless the company's tables are very many. */
  async #ask<Row>(sql: string, values: string[] = []): Promise<Row[]> {
    return await this.#metered((done) =>
      this.#connection.query(sql, values, (error, rows) => done(error, rows as Row[])),
    );
  }

  /** Has the server read a statement by the protocol, which Hyperdrive takes, too; the number of its parameters. */
  async #prepare(sql: string): Promise<number> {
    return await this.#metered((done) =>
      this.#connection.prepare(sql, (error, statement) => {
        if (error) return done(error, 0);
        const { length } = (statement as unknown as { parameters: unknown[] }).parameters;
        statement.close();
        done(null, length);
      }),
    );
  }

  async #metered<Value>(send: (done: (error: Error | null, value: Value) => void) => void): Promise<Value> {
    const { stream } = this.#connection as unknown as { stream: MeteredSocket };
    const read = () =>
      new Promise<Value>((resolve, reject) =>
        send((error, value) => (error ? reject(error) : resolve(value))),
      );
    return await readAtMostFrom(stream, MOST_OF_CATALOGUE, read, () => this.close(), refuseSize);
  }

  /**
   * Runs one prepared statement and keeps its rows until a bound is reached. The rest of a read is not sent any more; that of a
   * write is dropped, because the session has to stay for its COMMIT.
   */
  #read(
    text: string,
    values: readonly JsonValue[],
    limits: { rows: number; bytes: number },
    writes: boolean,
  ): Promise<AnsweredRows> {
    return new Promise((resolve, reject) => {
      const taken = boundRows(limits);
      let columns: AnsweredRows["columns"] = [];
      let sets = 0;
      let rows = 0;
      let isFull = false;
      let ended = false;
      let bytes = 0;
      const { stream } = this.#connection as unknown as { stream: NodeJS.ReadableStream };
      const count = (chunk: Uint8Array) => {
        bytes += chunk.byteLength;
        if (bytes <= MOST_BYTES || ended) return;
        ended = true;
        this.#leave();
        reject(refuseSize());
      };
      stream.on("data", count);
      const end = (changed: number | null) => {
        stream.removeListener("data", count);
        if (ended) return;
        ended = true;
        resolve({ columns, ...taken.result(), changed });
      };
      const command = this.#connection.execute({ sql: text, rowsAsArray: true }, values as never);
      command.on("fields", (fields: FieldPacket[] | undefined) => {
        if (fields === undefined) return;
        sets += 1;
        if (sets === 1) columns = fields.map(describeField);
      });
      command.on("result", (row: unknown) => {
        if (!Array.isArray(row)) return end((row as { affectedRows?: number }).affectedRows ?? 0);
        rows += 1;
        // A procedure may give several sets of rows; the columns are those of the first.
        if (ended || isFull || sets > 1) return;
        isFull = !taken.add([row as unknown[]]);
        if (!isFull || writes) return;
        this.#leave();
        end(null);
      });
      command.on("error", (error: unknown) => {
        stream.removeListener("data", count);
        if (!ended) reject(error);
      });
      // Of a write that gives rows the server says no number: it gives each row that it changed.
      command.on("end", () => end(writes && RETURNS_CHANGED.test(text) ? rows : null));
    });
  }
}

/** A statement of MariaDB whose rows are those that it changed (RETURNING), after our note. */
const RETURNS_CHANGED = /^\s*(?:\/\*.*?\*\/\s*)*(?:insert|replace|update|delete)\b/is;
