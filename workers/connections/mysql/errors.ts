import type { ConnectionFailure, ConnectionTarget } from "../../../shared/objects/connection-gate.ts";

interface MysqlError {
  errno: number;
  sqlMessage: string;
}

/** Our words for an error number of MySQL or MariaDB; `null` when the server is away or has no room. */
export function explainMysql(failure: unknown, { entry, name }: ConnectionTarget): ConnectionFailure | null {
  if (!isMysqlError(failure)) return null;
  const { errno, sqlMessage } = failure;
  const invalid = (message: string, action?: string): ConnectionFailure => ({
    code: "invalid_input",
    message,
    ...(action !== undefined && { action }),
  });
  const look = `Look the name up with ${name}_search_objects.`;
  switch (errno) {
    case 1969:
    case 3024:
    case 1317:
      return {
        code: "timeout",
        message: `${entry.title} stopped the statement after its time limit.`,
        action: "Narrow it with filters or a shorter period, or aggregate.",
      };
    case 1146:
      return invalid(`The table ${quoted(sqlMessage)} does not exist.`, look);
    case 1054:
      return invalid(`The column ${quoted(sqlMessage)} does not exist.`, look);
    case 1052:
      return invalid(`The column ${quoted(sqlMessage)} is ambiguous: name its table.`);
    case 1055:
    case 1140:
      return invalid("A column must be in GROUP BY or inside of an aggregate.");
    case 1064:
      return invalid(`The statement is not valid SQL${near(sqlMessage)}.`);
    case 1305:
    case 1582:
      return invalid(`There is no function that fits: ${quoted(sqlMessage)}.`);
    case 1142:
    case 1143:
    case 1227:
    case 1370:
      return { code: "forbidden", message: `The account of ${entry.title} may not do this.` };
    case 1792:
      return { code: "forbidden", message: `${entry.title} is read-only: the statement would change data.` };
    case 1044:
    case 1045:
    case 1698:
      return {
        code: "unavailable",
        message: `${entry.title} refuses the account of this connection.`,
        action: "Ask its owner to set the password again.",
      };
    case 1049:
      return {
        code: "unavailable",
        message: `The database of ${entry.title} does not exist.`,
        action: "Ask its owner to correct the connection.",
      };
    case 1213:
    case 1205:
      return { code: "conflict", message: "Another change came first. Try again." };
    case 1062:
    case 1451:
    case 1452:
      return { code: "conflict", message: `The change breaks a rule of ${entry.title}.` };
    // Too many connections, out of memory, shutdown, an end of the session, server gone.
    case 1040:
    case 1037:
    case 1038:
    case 1053:
    case 1152:
    case 1158:
    case 1159:
    case 1160:
    case 1161:
    case 1180:
    case 1184:
    case 1203:
    case 1927:
    case 2006:
    case 2013:
      return null;
    default:
      return invalid(`${entry.title} refuses the statement (error ${errno}).`);
  }
}

/**
 * Whether a failed COMMIT has written nothing: a deadlock, which a cluster finds at the end, a server that only reads, and a
 * plugin that had the transaction rolled back.
 */
export function isRolledBack(failure: unknown): boolean {
  return isMysqlError(failure) && [1213, 1290, 3101].includes(failure.errno);
}

function isMysqlError(failure: unknown): failure is MysqlError {
  const { errno, sqlMessage } = (failure ?? {}) as { errno?: unknown; sqlMessage?: unknown };
  return typeof errno === "number" && typeof sqlMessage === "string";
}

/** The name in a message such as `Unknown column 'amont' in 'field list'`, as the statement said it. */
function quoted(message: string): string {
  return /'([^']{1,130})'/.exec(message)?.[1] ?? "that it names";
}

function near(message: string): string {
  const [, text] = /near '([^']{1,60})/.exec(message) ?? [];
  return text === undefined ? "" : ` near ${text}`;
}
