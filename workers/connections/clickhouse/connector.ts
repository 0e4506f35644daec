import type { ClickhouseEntry } from "../../../shared/connections/kinds/clickhouse.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import type {
  ConnectionReport,
  ConnectionRequest,
  ConnectionTarget,
  Inspected,
} from "../../../shared/objects/connection-gate.ts";
import { type Connector, OPEN_MS, RefusedRequest, type Session, withoutPassword } from "../connector.ts";
import { readAtMost } from "../http/read-at-most.ts";
import { MOST_COLUMNS, type Part } from "../sql/exposed-catalogue.ts";
import { type AnsweredRows, sqlOperation } from "../sql/operation.ts";
import { writeNote } from "../sql/statement-note.ts";
import { readClickhouseCatalogue } from "./catalogue.ts";
import { explainClickhouse, readClickhouseError } from "./errors.ts";
import { type AccountSettings, inspectClickhouse } from "./inspect.ts";
import { readRows } from "./read-rows.ts";

/** Bytes of an error that are read. */
const MOST_OF_ERROR = 2_000;

/** Bounds of our own questions about the server. */
const OURS = { rows: MOST_COLUMNS, bytes: 6_000_000 };

/** How the answer is written: a line a row, and numbers that JSON may not hold as text. */
const FORMAT = {
  default_format: "JSONCompactEachRowWithNamesAndTypes",
};

const EXACT = {
  output_format_json_quote_64bit_integers: "1",
  output_format_json_quote_decimals: "1",
  output_format_json_quote_denormals: "1",
};

/** Connects to ClickHouse over its HTTP interface: each statement is one request, bounded by the server. */
export const clickhouse: Connector = {
  async open(_env, { entry }, secret, _memory, timeoutMs) {
    if (secret === null) throw new RefusedRequest(withoutPassword(entry.title));
    return await ClickhouseSession.open(entry as ClickhouseEntry, secret, timeoutMs);
  },
  explain: explainClickhouse,
};

class ClickhouseSession implements Session {
  readonly signsEachRequest = true;
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;
  #settings: AccountSettings = { version: "", readonly: 0, seconds: 0 };
  #usable = true;
  #running: AbortController | null = null;

  private constructor({ reach }: ClickhouseEntry, secret: string) {
    const isSecure = reach.tls === "required";
    const host = reach.host.includes(":") ? `[${reach.host}]` : reach.host;
    const port = reach.port ?? (isSecure ? 8443 : 8123);
    this.#url = `${isSecure ? "https" : "http"}://${host}:${port}/?database=${encodeURIComponent(reach.database)}`;
    this.#headers = { "x-clickhouse-user": reach.user, "x-clickhouse-key": secret };
  }

  /** Asks once what the account may set: with `readonly = 1` no limit can be sent along. */
  static async open(entry: ClickhouseEntry, secret: string, timeoutMs = OPEN_MS): Promise<ClickhouseSession> {
    const session = new ClickhouseSession(entry, secret);
    const { rows } = await session.#ask<Record<string, JsonValue>>(
      "SELECT version() AS version, getSetting('readonly') AS readonly, getSetting('max_execution_time') AS seconds",
      timeoutMs,
    );
    const [row] = rows;
    session.#settings = {
      version: String(row?.version ?? ""),
      readonly: Number(row?.readonly ?? 0),
      seconds: Number(row?.seconds ?? 0),
    };
    return session;
  }

  isUsable(): boolean {
    return this.#usable;
  }

  async run({ entry }: ConnectionTarget, request: ConnectionRequest, timeoutMs: number): Promise<JsonValue> {
    const operation = sqlOperation.parse({ operation: request.operation, ...request.arguments });
    if (operation.operation === "catalogue") {
      const { tables } = await readClickhouseCatalogue(
        (sql) => this.#ask(sql, timeoutMs),
        entry as ClickhouseEntry,
      );
      return tables as unknown as JsonValue;
    }
    if (operation.operation === "write")
      throw new RefusedRequest({ code: "forbidden", message: `${entry.title} is read-only.` });
    const explain = operation.operation === "explain" ? "EXPLAIN " : "";
    const rows = await this.#read(`${writeNote(request.note)}${explain}${operation.sql}`, operation.values, {
      ...operation,
      timeoutMs,
      settings: this.#limits(operation, timeoutMs),
    });
    return rows as unknown as JsonValue;
  }

  async inspect({ entry }: ConnectionTarget, what?: Inspected): Promise<ConnectionReport> {
    const timeoutMs = entry.limits.seconds * 1_000;
    return await inspectClickhouse(
      (sql) => this.#ask(sql, timeoutMs),
      entry as ClickhouseEntry,
      this.#settings,
      what,
    );
  }

  /** The server ends a read whose client has gone, by `cancel_http_readonly_queries_on_client_close`. */
  async cancel(): Promise<void> {
    this.#running?.abort();
  }

  close(): void {
    this.#usable = false;
    this.#running?.abort();
  }

  /** Limits of one statement, as far as the account may set them. `readonly = 1` is set where it is not yet so. */
  #limits({ rows, bytes }: { rows: number; bytes: number }, timeoutMs: number): Record<string, string> {
    if (this.#settings.readonly === 1) return {};
    return {
      ...EXACT,
      max_execution_time: String(Math.max(1, Math.ceil(timeoutMs / 1_000))),
      max_result_rows: String(rows + 1),
      max_result_bytes: String(bytes * 4),
      result_overflow_mode: "break",
      cancel_http_readonly_queries_on_client_close: "1",
      // An account with 2 may not change this one.
      ...(this.#settings.readonly === 0 && { readonly: "1" }),
    };
  }

  /** A statement of ours. */
  async #ask<Row>(sql: string, timeoutMs: number): Promise<Part<Row>> {
    const { columns, rows, cut } = await this.#read(sql, [], { ...OURS, timeoutMs, settings: {} });
    const read = rows.map(
      (row) => Object.fromEntries(columns.map(({ name }, index) => [name, row[index]])) as Row,
    );
    return { rows: read, cut };
  }

  async #read(
    sql: string,
    values: readonly JsonValue[],
    bounds: { rows: number; bytes: number; timeoutMs: number; settings: Readonly<Record<string, string>> },
  ): Promise<AnsweredRows> {
    const query = new URLSearchParams({ ...FORMAT, ...bounds.settings });
    for (const [index, value] of values.entries()) query.set(`param_p${index + 1}`, writeValue(value));
    const running = new AbortController();
    this.#running = running;
    const timer = setTimeout(() => running.abort(), bounds.timeoutMs + 1_000);
    try {
      const response = await fetch(`${this.#url}&${query}`, {
        method: "POST",
        headers: this.#headers,
        body: sql,
        // A redirect would take the password to another host.
        redirect: "manual",
        signal: running.signal,
      });
      if (response.status === 200 && response.body !== null) return await readRows(response.body, bounds);
      const { bytes } = await readAtMost(response.body, MOST_OF_ERROR);
      const text = new TextDecoder().decode(bytes);
      throw readClickhouseError(text) ?? new Error(`The server answered with status ${response.status}.`);
    } finally {
      clearTimeout(timer);
      this.#running = null;
    }
  }
}

/** A value as the server reads parameters: the text of its type, with `\\N` for NULL (ClickHouse, «HTTP interface»). */
function writeValue(value: JsonValue): string {
  if (value === null) return "\\N";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.replaceAll("\\", "\\\\").replaceAll("\t", "\\t").replaceAll("\n", "\\n");
}
