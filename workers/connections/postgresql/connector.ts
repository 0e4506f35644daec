import type { Client, ClientConfig } from "pg";
import type { PostgresqlEntry } from "../../../shared/connections/kinds/postgresql.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import type {
  ConnectionReport,
  ConnectionRequest,
  ConnectionTarget,
} from "../../../shared/objects/connection-gate.ts";
import { type Connector, OPEN_MS, RefusedRequest, type Session, withoutPassword } from "../connector.ts";
import { MOST_BYTES, refuseSize } from "../sql/answer-size.ts";
import { findHyperdrive } from "../sql/hyperdrive.ts";
import { sqlOperation } from "../sql/operation.ts";
import { writeNote } from "../sql/statement-note.ts";
import { readCatalogue } from "./catalogue.ts";
import { explainPostgresql } from "./errors.ts";
import { inspectPostgresql } from "./inspect.ts";
import { type EndWith, readRows } from "./read-rows.ts";

/** Connects to PostgreSQL with the driver `pg`. */
export const postgresql: Connector = {
  async open(env, { entry }, secret) {
    const { default: pg } = await import("pg");
    const config = configOf(env, entry as PostgresqlEntry, secret);
    const client = new pg.Client(config);
    const session = new PostgresqlSession(client, () => new pg.Client(config));
    await client.connect();
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
  connection: { stream: NodeJS.ReadWriteStream & { destroy(): void } };
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

  /** Ends the session when one answer brings more than {@link MOST_BYTES}. */
  async #metered<Value>(read: () => Promise<Value>): Promise<Value> {
    const { stream } = (this.#client as unknown as Internals).connection;
    const tooLarge = Promise.withResolvers<never>();
    let bytes = 0;
    const count = (chunk: Uint8Array) => {
      bytes += chunk.byteLength;
      if (bytes <= MOST_BYTES || !this.#usable) return;
      this.cancel().catch(() => {});
      this.close();
      stream.destroy();
      tooLarge.reject(refuseSize());
    };
    stream.on("data", count);
    try {
      return await Promise.race([read(), tooLarge.promise]);
    } finally {
      stream.removeListener("data", count);
    }
  }

  async run({ entry }: ConnectionTarget, request: ConnectionRequest, timeoutMs: number): Promise<JsonValue> {
    const operation = sqlOperation.parse({ operation: request.operation, ...request.arguments });
    return await this.#inTransaction(
      operation.operation === "write",
      request.identity,
      timeoutMs,
      async (endWith) => {
        if (operation.operation === "catalogue") {
          const { tables } = await readCatalogue(this.#client, entry as PostgresqlEntry);
          return tables as unknown as JsonValue;
        }
        const text = `${writeNote(request.note)}${operation.operation === "explain" ? "EXPLAIN " : ""}${operation.sql}`;
        const statement = { text, values: operation.values, limits: operation };
        return await this.#metered(() => readRows(this.#client, statement, endWith));
      },
    );
  }

  async inspect(target: ConnectionTarget): Promise<ConnectionReport> {
    const timeoutMs = target.entry.limits.seconds * 1_000;
    return await this.#inTransaction(false, {}, timeoutMs, () => inspectPostgresql(this.#client, target));
  }

  async cancel(): Promise<void> {
    const { processID } = this.#client as unknown as Internals;
    const other = this.#another();
    other.on("error", () => {});
    await other.connect();
    try {
      // A role may end statements of its own.
      await other.query("SELECT pg_cancel_backend($1)", [processID]);
    } finally {
      await other.end();
    }
  }

  close(): void {
    this.#usable = false;
    this.#client.end().catch(() => {});
  }

  /**
   * Runs `work` in a transaction of its own. The settings are made in the statement that fixes READ ONLY: after
   * a query PostgreSQL refuses to change the mode (SET TRANSACTION, «Notes»). Beginning and end are one message each,
   * because each message is a way to the database and back.
   */
  async #inTransaction<Value>(
    writes: boolean,
    identity: Readonly<Record<string, string>>,
    timeoutMs: number,
    work: (endWith: EndWith) => Promise<Value>,
  ): Promise<Value> {
    const mode = writes ? "READ WRITE" : "ISOLATION LEVEL REPEATABLE READ READ ONLY";
    const end = writes ? "COMMIT" : "ROLLBACK";
    const timeout = String(Math.max(1, Math.round(timeoutMs)));
    const settings = Object.entries({ ...identity, ...READING, statement_timeout: timeout }).map(
      ([name, value]) =>
        `set_config(${this.#client.escapeLiteral(name)}, ${this.#client.escapeLiteral(value)}, true)`,
    );
    let ended = false;
    try {
      await this.#client.query(`BEGIN ${mode}; SELECT ${settings.join(", ")}`);
      const value = await work(async (last) => {
        const results = (await this.#client.query(`${last}; ${end}`)) as unknown as { rows: object[] }[];
        ended = true;
        return results[0]?.rows ?? [];
      });
      if (!ended) await this.#client.query(end);
      return value;
    } catch (failure) {
      if (this.#usable && !ended) {
        await this.#client.query("ROLLBACK").catch(() => {
          this.#usable = false;
        });
      }
      throw failure;
    }
  }
}
