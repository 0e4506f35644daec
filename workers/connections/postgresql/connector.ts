import type { Client, ClientConfig } from "pg";
import type { PostgresqlEntry } from "../../../shared/connections/kinds/postgresql.ts";
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
import { findHyperdrive } from "../sql/hyperdrive.ts";
import { sqlOperation } from "../sql/operation.ts";
import { writeNote } from "../sql/statement-note.ts";
import { readCatalogue } from "./catalogue.ts";
import { explainPostgresql, isRolledBack } from "./errors.ts";
import { inspectPostgresql } from "./inspect.ts";
import { type EndWith, type Meter, readRows } from "./read-rows.ts";

/** Connects to PostgreSQL with the driver `pg`. */
export const postgresql: Connector = {
  async open(env, { entry }, secret, _memory, timeoutMs) {
    const { default: pg } = await import("pg");
    const config = configOf(env, entry as PostgresqlEntry, secret);
    const client = new pg.Client(config);
    const session = new PostgresqlSession(client, () => new pg.Client(config));
    await session.connect(timeoutMs);
    return session;
  },
  explain: explainPostgresql,
};

function configOf(env: Env, { reach, title }: PostgresqlEntry, secret: string | null): ClientConfig {
  if ("hyperdrive" in reach) {
    // Hyperdrive ends TLS itself; options of ours would be ignored or make the driver wait for ever.
    return { connectionString: findHyperdrive(env, reach.hyperdrive, title).connectionString };
  }
  if (secret === null) throw new RefusedRequest(withoutPassword(title));
  return {
    host: reach.host,
    port: reach.port ?? 5432,
    database: reach.database,
    user: reach.user,
    password: secret,
    ssl: reach.tls === "required",
    connectionTimeoutMillis: OPEN_MS,
    application_name: "gatehouse",
  };
}

/** The judge reads texts of a statement as PostgreSQL does under these settings. */
const READING = { standard_conforming_strings: "on", client_encoding: "UTF8" };

/** Parts of the driver's client that its types leave out. */
interface Internals {
  processID: number;
  connection: {
    stream: MeteredSocket & { once(event: "finish", listener: () => void): unknown; destroy(): void };
  };
}

/** For whom a transaction is, and for how long. */
interface TransactionCall extends Pick<SessionCaller, "checkCancelled"> {
  identity: Readonly<Record<string, string>>;
  timeoutMs: number;
}

class PostgresqlSession implements Session {
  readonly isEndedByCancel = true;
  readonly #client: Client;
  readonly #another: () => Client;
  #usable = true;

  constructor(client: Client, another: () => Client) {
    this.#client = client;
    this.#another = another;
    const drop = () => {
      this.#usable = false;
    };
    client.on("error", drop);
    client.on("end", drop);
  }

  isUsable(): boolean {
    return this.#usable;
  }

  /** Ends the session when one answer brings more than `most`: the server ends what it cannot send. */
  async #metered<Value>(most: number, read: () => Promise<Value>): Promise<Value> {
    const { stream } = this.#internals.connection;
    return await readAtMostFrom(stream, most, read, () => this.#destroy(), refuseSize);
  }

  async run(
    { entry }: ConnectionTarget,
    request: ConnectionRequest,
    timeoutMs: number,
    { checkCancelled }: Pick<SessionCaller, "checkCancelled">,
  ): Promise<JsonValue> {
    const operation = sqlOperation.parse({ operation: request.operation, ...request.arguments });
    const writes = operation.operation === "write";
    return await this.#inTransaction(
      writes,
      { identity: request.identity, timeoutMs, checkCancelled },
      async (endWith) => {
        if (operation.operation === "catalogue") {
          const read = () => readCatalogue(this.#client, entry as PostgresqlEntry);
          return (await this.#metered(MOST_OF_CATALOGUE, read)).tables as unknown as JsonValue;
        }
        const text = `${writeNote(request.note)}${operation.operation === "explain" ? "EXPLAIN " : ""}${operation.sql}`;
        const statement = { text, values: operation.values, limits: operation, writes };
        // The end of the transaction is not metered: a write that is carried out must not be refused.
        const metered: Meter = (read) => this.#metered(MOST_BYTES, read);
        return await readRows(this.#client, statement, metered, endWith);
      },
    );
  }

  async inspect(target: ConnectionTarget, what?: Inspected): Promise<ConnectionReport> {
    const timeoutMs = target.entry.limits.seconds * 1_000;
    const call = { identity: {}, timeoutMs, checkCancelled: () => {} };
    const inspect = () => inspectPostgresql(this.#client, target, what);
    return await this.#inTransaction(false, call, () => this.#metered(MOST_OF_CATALOGUE, inspect));
  }

  async cancel(): Promise<void> {
    const left = budgetOf();
    const other = new PostgresqlSession(this.#another(), this.#another);
    // A role may end statements of its own.
    const end = () => other.#client.query("SELECT pg_cancel_backend($1)", [this.#internals.processID]);
    try {
      await other.connect(left());
      await openOrClose(end, () => other.#destroy(), left());
    } finally {
      other.close();
    }
  }

  /** Connects and signs in. */
  async connect(timeoutMs?: number): Promise<void> {
    await openOrClose(
      () => this.#client.connect(),
      () => this.#destroy(),
      timeoutMs,
    );
  }

  close(): void {
    this.#usable = false;
    const { stream } = this.#internals.connection;
    // The server is told first; one that keeps its own end open does not keep the socket.
    stream.once("finish", () => stream.destroy());
    this.#client.end().catch(() => {});
  }

  #destroy(): void {
    this.#usable = false;
    this.#internals.connection.stream.destroy();
  }

  get #internals(): Internals {
    return this.#client as unknown as Internals;
  }

  /**
   * Runs `work` in a transaction of its own. The settings are made in the statement that fixes READ ONLY: after
   * a query PostgreSQL refuses to change the mode (SET TRANSACTION, «Notes»). Beginning and end are one message each,
   * because each message is a way to the database and back.
   */
  async #inTransaction<Value>(
    writes: boolean,
    { identity, timeoutMs, checkCancelled }: TransactionCall,
    work: (endWith: EndWith) => Promise<Value>,
  ): Promise<Value> {
    const mode = writes ? "READ WRITE" : "ISOLATION LEVEL REPEATABLE READ READ ONLY";
    const end = async (last = "") => {
      const send = () => this.#client.query(`${last}${writes ? "COMMIT" : "ROLLBACK"}`);
      return writes ? await commit(send, isRolledBack) : await send();
    };
    const timeout = String(Math.max(1, Math.round(timeoutMs)));
    const settings = Object.entries({ ...identity, ...READING, statement_timeout: timeout }).map(
      ([name, value]) =>
        `set_config(${this.#client.escapeLiteral(name)}, ${this.#client.escapeLiteral(value)}, true)`,
    );
    let ended = false;
    try {
      await this.#client.query(`BEGIN ${mode}; SELECT ${settings.join(", ")}`);
      // A cancel that came between two statements has ended none.
      checkCancelled();
      const value = await work(async (last) => {
        if (writes) checkCancelled();
        const results = (await end(`${last}; `)) as unknown as { rows: object[] }[];
        ended = true;
        return results[0]?.rows ?? [];
      });
      if (writes && !ended) checkCancelled();
      if (!ended) await end();
      return value;
    } catch (failure) {
      if (failure instanceof UnansweredCommit) this.#destroy();
      if (this.#usable && !ended) {
        await this.#client.query("ROLLBACK").catch(() => {
          this.#usable = false;
        });
      }
      throw failure;
    }
  }
}
