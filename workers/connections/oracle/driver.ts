import type { OracleEntry } from "../../../shared/connections/kinds/oracle.ts";
import { openOrClose } from "../open-or-close.ts";
import { adaptTransport, openOn, Wire } from "./transport.ts";

/** One column of a result, as the driver describes it. */
export interface OracleColumn {
  name: string;
  /** Such as `NUMBER`, `VARCHAR2`, `TIMESTAMP WITH TIME ZONE`. */
  dbTypeName: string;
}

/** Rows that wait at the server. */
export interface OracleRows {
  readonly metaData: readonly OracleColumn[];
  /** At most `count` rows; fewer once there are no more. */
  getRows(count: number): Promise<unknown[][]>;
  close(): Promise<void>;
}

/** What a statement takes, by the names of its parameters. */
export type OracleBinds = Readonly<Record<string, string | number | null>>;

/** The part of a connection of node-oracledb that is used, as its documentation describes it. */
export interface OracleConnection {
  /** Most milliseconds of one round trip; then the server is told to stop. */
  callTimeout: number;
  clientId: string;
  clientInfo: string;
  module: string;
  action: string;
  currentSchema: string;
  readonly oracleServerVersionString: string;
  execute(
    sql: string,
    binds: OracleBinds,
    options: object,
  ): Promise<{ resultSet?: OracleRows; rowsAffected?: number }>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
  /** Stops the running statement at the server. */
  break(): Promise<void>;
  isHealthy(): boolean;
}

/** An open connection with the socket below it. */
export interface OracleLink {
  connection: OracleConnection;
  wire: Pick<Wire, "allow" | "isOver" | "destroy">;
  /** Options of `execute` for a statement with rows: values come as text, numbers, dates and bytes. */
  reading: object;
}

/** Opens a connection. Rejects with the driver's error. */
export type OpenOracle = (entry: OracleEntry, secret: string, timeoutMs: number) => Promise<OracleLink>;

interface Driver {
  getConnection(options: object): Promise<OracleConnection>;
  OUT_FORMAT_ARRAY: number;
  DB_TYPE_VARCHAR: object;
  DB_TYPE_RAW: object;
}

/** Opens a connection with the driver `oracledb` in its thin mode, which is loaded on first use. */
export const openOracle: OpenOracle = async ({ reach, title }, secret, timeoutMs) => {
  const [{ default: driver }] = (await Promise.all([import("oracledb"), adaptTransport()])) as [
    { default: Driver },
    unknown,
  ];
  const wire = new Wire(title);
  const open = () =>
    driver.getConnection({
      user: reach.user,
      password: secret,
      connectString: describeAddress(reach),
      // What the server shows in V$SESSION: nothing of the machine.
      program: "gatehouse",
      machine: "gatehouse",
      osUser: "gatehouse",
      terminal: "gatehouse",
      stmtCacheSize: 0,
    });
  const connection = await openOrClose(
    () => openOn(wire, open),
    () => wire.destroy(),
    timeoutMs,
  );
  return { connection, wire, reading: readingOptions(driver) };
};

/** The address as the listener reads it. The parts are checked by the entry's schema: none has a parenthesis. */
export function describeAddress({ host, port, tls, service }: OracleEntry["reach"]): string {
  const isSecure = tls === "required";
  const place = `(PROTOCOL=${isSecure ? "tcps" : "tcp"})(HOST=${host})(PORT=${port ?? (isSecure ? 2484 : 1521)})`;
  // A dedicated server needs no redirection to a dispatcher.
  return `(DESCRIPTION=(RETRY_COUNT=0)(ADDRESS=${place})(CONNECT_DATA=(SERVER=DEDICATED)(SERVICE_NAME=${service})))`;
}

function readingOptions({ OUT_FORMAT_ARRAY, DB_TYPE_VARCHAR, DB_TYPE_RAW }: Driver): object {
  const asText = { type: DB_TYPE_VARCHAR };
  const byType: Readonly<Record<string, object>> = {
    // A number of Oracle has up to 40 digits.
    NUMBER: { ...asText, converter: readNumber },
    CLOB: asText,
    NCLOB: asText,
    LONG: asText,
    BLOB: { type: DB_TYPE_RAW },
  };
  return {
    resultSet: true,
    outFormat: OUT_FORMAT_ARRAY,
    dbObjectAsPojo: true,
    fetchTypeHandler: ({ dbTypeName }: OracleColumn) => byType[dbTypeName],
  };
}

/** A number where it is exact, and its text otherwise. */
export function readNumber(text: string | null): string | number | null {
  if (text === null) return null;
  const digits = text.replace(/^-/, "").replace(".", "").replace(/^0+/, "");
  return digits.length <= 15 && /^-?\d*\.?\d*$/.test(text) ? Number(text) : text;
}
