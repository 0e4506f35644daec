import type { OracleEntry } from "../../../shared/connections/kinds/oracle.ts";
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
  RefusedRequest,
  type Session,
  type SessionCaller,
  UnansweredCommit,
  withoutPassword,
} from "../connector.ts";
import { budgetOf } from "../open-or-close.ts";
import { MOST_BYTES, MOST_OF_CATALOGUE, refuseSize } from "../sql/answer-size.ts";
import { boundRows } from "../sql/bound-rows.ts";
import { type Ask, MOST_COLUMNS } from "../sql/exposed-catalogue.ts";
import { type AnsweredRows, sqlOperation } from "../sql/operation.ts";
import { firstWordOf, orProcedureFailure } from "../sql/procedure-failure.ts";
import { readOracleCatalogue } from "./catalogue.ts";
import { type OpenOracle, type OracleBinds, type OracleLink, openOracle } from "./driver.ts";
import { explainOracle, isRolledBack } from "./errors.ts";
import { inspectOracle, keepsEveryLetter } from "./inspect.ts";

/** Rows of one round trip. */
const BATCH = 100;

/** How texts become dates and numbers, and the reverse: the same for every account and server. */
const FORMATS = `ALTER SESSION SET NLS_DATE_FORMAT = 'YYYY-MM-DD HH24:MI:SS' NLS_TIMESTAMP_FORMAT = 'YYYY-MM-DD HH24:MI:SS.FF'
  NLS_TIMESTAMP_TZ_FORMAT = 'YYYY-MM-DD HH24:MI:SS.FF TZH:TZM' NLS_NUMERIC_CHARACTERS = '.,' NLS_SORT = BINARY
  NLS_COMP = BINARY TIME_ZONE = '+00:00'`;

const SESSION_USER = "SELECT SYS_CONTEXT('USERENV', 'SESSION_USER') AS \"account\" FROM sys.dual";

const SET_CONTEXT = "BEGIN DBMS_SESSION.SET_CONTEXT('CLIENTCONTEXT', :name, :value); END;";

/** A plan takes no values: sent like this, the parameters in it stay open. */
const EXPLAIN = "BEGIN EXECUTE IMMEDIATE :statement; END;";

const PLAN = `
  SELECT LPAD(' ', depth) || operation || ' ' || options AS "STEP", object_owner AS "SCHEMA", object_name AS "OBJECT",
         cardinality AS "ROWS", cost AS "COST"
    FROM sys.plan_table$ WHERE statement_id = :id ORDER BY id`;

/** Name of the setting with which {@link ConnectionRequest.identity} brings the schema of names without one. */
const CURRENT_SCHEMA = "current_schema";

/** Bytes of a client identifier (Oracle, «DBMS_SESSION.SET_IDENTIFIER»). */
const LONGEST_IDENTIFIER = 64;

const TOO_LONG = {
  code: "forbidden",
  message: `What tells the database who you are is longer than the ${LONGEST_IDENTIFIER} bytes that it takes.`,
  action: "Ask the owner of the connection to pass user_id on.",
} as const;

const NOT_ASCII = {
  code: "invalid_input",
  message: `The statement has characters that this database's character set may turn into others, such as into quotes.`,
  action: "Put texts with letters outside of ASCII into parameters: :p1, :p2 and so on.",
} as const;

const NOT_ASCII_CALLER = {
  code: "forbidden",
  message: "What tells the database who you are has letters that its character set may not tell from others.",
  action: "Ask the owner of the connection to pass user_id on.",
} as const;

/** Connects to Oracle. `open` takes the place of the driver in tests. */
export function connectOracle(open: OpenOracle): Connector {
  return {
    async open(_env, { entry }, secret, _memory, timeoutMs) {
      if (secret === null) throw new RefusedRequest(withoutPassword(entry.title));
      const left = budgetOf(timeoutMs);
      const session = new OracleSession(await open(entry as OracleEntry, secret, left()));
      await session.prepare(left());
      return session;
    },
    explain: explainOracle,
  };
}

/** Connects to Oracle with the driver `oracledb` in its thin mode. */
export const oracle: Connector = connectOracle(openOracle);

class OracleSession implements Session {
  readonly isEndedByCancel = true;
  readonly #link: OracleLink;
  #usable = true;
  /** When the running request has to end, in milliseconds since 1970. */
  #deadline = 0;
  /** Names of the contexts that hold something of the last caller, and whether its schema is in force. */
  readonly #contexts = new Set<string>();
  #isInSchema = false;
  /** Whether the database keeps every character apart; asked once it matters. */
  #keepsAll: boolean | null = null;

  constructor(link: OracleLink) {
    this.#link = link;
  }

  async prepare(timeoutMs: number): Promise<void> {
    this.#deadline = Date.now() + timeoutMs;
    try {
      await this.#execute(FORMATS);
    } catch (failure) {
      this.close();
      throw failure;
    }
  }

  isUsable(): boolean {
    return this.#usable && this.#link.connection.isHealthy();
  }

  async run(
    target: ConnectionTarget,
    request: ConnectionRequest,
    timeoutMs: number,
    { checkCancelled }: Pick<SessionCaller, "checkCancelled">,
  ): Promise<JsonValue> {
    const operation = sqlOperation.parse({ operation: request.operation, ...request.arguments });
    this.#deadline = Date.now() + timeoutMs;
    const kind = operation.operation;
    return await this.#inTransaction(kind, { ...request, checkCancelled }, async () => {
      if (operation.operation === "catalogue") {
        const { tables } = await readOracleCatalogue(this.#ask, target.entry as OracleEntry);
        return tables as unknown as JsonValue;
      }
      const { sql, values } = operation;
      // Bound values are data, whatever becomes of their letters.
      if (!(await this.#isRead(sql))) throw new RefusedRequest(NOT_ASCII);
      const binds = nameValues(values);
      if (kind === "explain") return toJson(await this.#explain(sql, operation));
      if (kind === "query") return toJson(await this.#read(withoutEnd(sql), binds, operation));
      // A block of PL/SQL ends with its semicolon.
      const written = /^(?:BEGIN|DECLARE)$/.test(firstWordOf(sql)) ? sql : withoutEnd(sql);
      const isAnswered = (failure: unknown) =>
        this.#link.wire.isOver || explainOracle(failure, target) !== null;
      const { rowsAffected } = await orProcedureFailure(sql, isAnswered, async () => {
        const result = await this.#execute(written, binds);
        checkCancelled();
        return result;
      });
      return toJson({ columns: [], rows: [], cut: false, changed: rowsAffected ?? null });
    });
  }

  async inspect({ entry }: ConnectionTarget, what?: Inspected): Promise<ConnectionReport> {
    this.#deadline = Date.now() + entry.limits.seconds * 1_000;
    const version = this.#link.connection.oracleServerVersionString;
    const call = { identity: {}, note: "gatehouse inspection", checkCancelled: () => {} };
    return await this.#inTransaction("catalogue", call, () =>
      inspectOracle(this.#ask, entry as OracleEntry, version, what),
    );
  }

  /** The server takes a break on the session's own socket. */
  async cancel(): Promise<void> {
    await this.#link.connection.break();
  }

  close(): void {
    this.#usable = false;
    this.#link.wire.destroy();
  }

  async #inTransaction<Value>(
    kind: "query" | "explain" | "write" | "catalogue",
    call: Pick<ConnectionRequest, "identity" | "note"> & Pick<SessionCaller, "checkCancelled">,
    work: () => Promise<Value>,
  ): Promise<Value> {
    this.#link.wire.allow(kind === "catalogue" ? MOST_OF_CATALOGUE : MOST_BYTES);
    try {
      await this.#sayWhoCalls(call);
      // EXPLAIN PLAN writes into a table of the session, which the rollback empties.
      if (kind === "query" || kind === "catalogue") await this.#execute("SET TRANSACTION READ ONLY");
      // A break that came between two statements has ended none.
      call.checkCancelled();
      const value = await work();
      if (kind === "write") await commit(() => this.#end("commit"), isRolledBack);
      else await this.#end("rollback");
      return value;
    } catch (failure) {
      if (failure instanceof UnansweredCommit) {
        this.close();
        throw failure;
      }
      await this.#end("rollback").catch(() => this.close());
      throw this.#link.wire.isOver && !(failure instanceof RefusedRequest) ? refuseSize() : failure;
    }
  }

  /**
   * Whether the database reads a text as it is written. Its character set may lack letters: it then takes others in their
   * place, which could end a text or a name, or be the same for two people.
   */
  async #isRead(text: string): Promise<boolean> {
    if (!/[\u0080-\uffff]/.test(text)) return true;
    this.#keepsAll ??= await keepsEveryLetter(this.#ask);
    return this.#keepsAll;
  }

  /** Set before each request, ours too: nothing of an earlier caller is left. The driver sends it with the next statement. */
  async #sayWhoCalls({ identity, note }: Pick<ConnectionRequest, "identity" | "note">): Promise<void> {
    const { connection } = this.#link;
    const person = identity.client_identifier ?? "";
    // The server would cut it, and take two people for one.
    if (new TextEncoder().encode(person).length > LONGEST_IDENTIFIER) throw new RefusedRequest(TOO_LONG);
    const names = new Map(
      Object.entries(identity).flatMap(([setting, value]) => {
        const [, name] = /^clientcontext\.([a-z0-9_]+)$/.exec(setting) ?? [];
        return name === undefined ? [] : [[name, value]];
      }),
    );
    connection.clientId = "";
    for (const value of Object.values(identity))
      if (!(await this.#isRead(value))) throw new RefusedRequest(NOT_ASCII_CALLER);
    connection.clientId = person;
    // Not in a comment: each statement would be parsed as a new one.
    connection.module = "gatehouse";
    connection.action = (/trace=(\S*)/.exec(note)?.[1] ?? "").slice(0, 64);
    connection.clientInfo = note.slice(0, 64);
    await this.#enterSchema(identity[CURRENT_SCHEMA]);
    for (const name of [...this.#contexts].filter((earlier) => !names.has(earlier))) {
      // An empty text is NULL, which is what a context has that was never set.
      await this.#execute(SET_CONTEXT, { name, value: "" });
      this.#contexts.delete(name);
    }
    for (const [name, value] of names) {
      this.#contexts.add(name);
      await this.#execute(SET_CONTEXT, { name, value });
    }
  }

  /** Without a schema names are looked up in that of the account, as in a session that has just begun. */
  async #enterSchema(schema: string | undefined): Promise<void> {
    const { connection } = this.#link;
    if (schema !== undefined) {
      connection.currentSchema = schema;
      this.#isInSchema = true;
    } else if (this.#isInSchema) {
      const { rows } = await this.#ask<{ account: string }>(SESSION_USER);
      const [own] = rows;
      if (own === undefined) throw new Error("The database does not say whose session it is.");
      connection.currentSchema = own.account;
      this.#isInSchema = false;
    }
  }

  async #end(how: "commit" | "rollback"): Promise<void> {
    if (!this.#usable && how === "rollback") return;
    if (!this.#usable) throw new Error("The session was closed before its COMMIT.");
    // A session whose time is up is given a moment to end cleanly.
    this.#link.connection.callTimeout = Math.max(1_000, this.#deadline - Date.now());
    await this.#link.connection[how]();
  }

  async #explain(sql: string, limits: { rows: number; bytes: number }): Promise<AnsweredRows> {
    const id = crypto.randomUUID().slice(0, 30);
    const statement = `EXPLAIN PLAN SET STATEMENT_ID = '${id}' INTO sys.plan_table$ FOR ${withoutEnd(sql)}`;
    await this.#execute(EXPLAIN, { statement });
    return await this.#read(PLAN, { id }, limits);
  }

  /** A question of ours, whose answer is small. */
  readonly #ask: Ask = async <Row>(sql: string) => {
    const { columns, rows, cut } = await this.#read(
      sql,
      {},
      { rows: MOST_COLUMNS, bytes: MOST_OF_CATALOGUE },
    );
    const read = rows.map((row) => Object.fromEntries(columns.map(({ name }, at) => [name, row[at]])) as Row);
    return { rows: read, cut };
  };

  /** Runs one statement and fetches its rows until a bound is reached. */
  async #read(
    sql: string,
    binds: OracleBinds,
    limits: { rows: number; bytes: number },
  ): Promise<AnsweredRows> {
    const batch = Math.min(BATCH, limits.rows + 1);
    const sizes = { fetchArraySize: batch, prefetchRows: batch };
    const { resultSet } = await this.#execute(sql, binds, { ...this.#link.reading, ...sizes });
    if (resultSet === undefined)
      throw new RefusedRequest({ code: "invalid_input", message: "The statement gives no rows." });
    const taken = boundRows(limits);
    const columns = resultSet.metaData.map(({ name, dbTypeName }) => ({
      name,
      type: dbTypeName.toLowerCase(),
      // The driver does not say which column of a table it is.
      origin: null,
    }));
    try {
      while (true) {
        this.#limitRoundTrip();
        const rows = await resultSet.getRows(batch);
        if (!taken.add(rows) || rows.length < batch) break;
      }
    } finally {
      await resultSet.close();
    }
    return { columns, ...taken.result(), changed: null };
  }

  #execute(sql: string, binds: OracleBinds = {}, options: object = {}) {
    this.#limitRoundTrip();
    return this.#link.connection.execute(sql, binds, { ...options, autoCommit: false });
  }

  /** What is left of the request's time, for the next round trip. */
  #limitRoundTrip(): void {
    this.#link.connection.callTimeout = Math.max(1, this.#deadline - Date.now());
  }
}

/** Values by the names under which a statement has them: `:p1`, `:p2`. Oracle had no truth values before 23. */
function nameValues(values: readonly JsonValue[]): OracleBinds {
  return Object.fromEntries(
    values.map((value, index) => [
      `p${index + 1}`,
      typeof value === "boolean" ? Number(value) : (value as string | number | null),
    ]),
  );
}

/** A statement without the semicolon that people end it with: the server takes none. */
function withoutEnd(sql: string): string {
  return sql.replace(/;\s*$/, "");
}

function toJson(rows: AnsweredRows): JsonValue {
  return rows as unknown as JsonValue;
}
