import type { ConnectionFailure, ConnectionTarget } from "../../../shared/objects/connection-gate.ts";

/** Fields of PostgreSQL's error message that say what is wrong (PostgreSQL, «Error and Notice Message Fields»). */
interface PostgresqlError {
  code: string;
  message: string;
  /** In the server's language. */
  severity: string;
  position?: string;
}

/**
 * Our words for an SQLSTATE (PostgreSQL, appendix A). Of the server's text only what a statement itself said is
 * quoted: a name that does not exist, or where the syntax breaks. Never a value, a host or a user.
 */
export function explainPostgresql(
  failure: unknown,
  { entry, name }: ConnectionTarget,
): ConnectionFailure | null {
  if (!isPostgresqlError(failure)) return null;
  const { code, message } = failure;
  const invalid = (text: string, action?: string): ConnectionFailure => ({
    code: "invalid_input",
    message: text,
    ...(action !== undefined && { action }),
  });
  const look = `Look the name up with ${name}_search_objects.`;
  switch (code) {
    case "57014":
      return {
        code: "timeout",
        message: `${entry.title} stopped the statement after its time limit.`,
        action: "Narrow it with filters or a shorter period, or aggregate.",
      };
    case "42P01":
      return invalid(`The table ${quoted(message)} does not exist.`, look);
    case "42703":
      return invalid(`The column ${quoted(message)} does not exist.`, look);
    case "42883":
      return invalid(
        `There is no function or operator that fits: ${quoted(message)}.`,
        "Cast the arguments to the types that it takes.",
      );
    case "42601":
      return invalid(`The statement is not valid SQL${near(message)}.`);
    case "42803":
      return invalid(`The column ${quoted(message)} must be in GROUP BY or inside of an aggregate.`);
    case "42702":
      return invalid(`The column ${quoted(message)} is ambiguous: name its table.`);
    case "42804":
    case "42846":
    case "42P18":
      return invalid("Types in the statement do not fit each other: cast one of them.");
    case "42501":
      return {
        code: "forbidden",
        message: `The account of ${entry.title} may not read this table or column.`,
      };
    case "25006":
      return { code: "forbidden", message: `${entry.title} is read-only: the statement would change data.` };
    case "08P01":
      // A pooler says it, too, when it ends the session.
      if (failure.severity !== "ERROR") return null;
      return invalid("The number of parameters does not fit the statement's placeholders.");
    case "28P01":
    case "28000":
      return {
        code: "unavailable",
        message: `${entry.title} refuses the account of this connection.`,
        action: "Ask its owner to set the password again.",
      };
    case "3D000":
      return {
        code: "unavailable",
        message: `The database of ${entry.title} does not exist.`,
        action: "Ask its owner to correct the connection.",
      };
  }
  // Connection, resources, operator intervention, system, internal: nothing that the caller can change.
  if (/^(08|53|57|58|XX|F0)/.test(code)) return null;
  if (code.startsWith("22"))
    return invalid(
      "A value in the statement or its parameters does not fit its type.",
      "Check dates, numbers and casts.",
    );
  if (code.startsWith("23"))
    return { code: "conflict", message: `The change breaks a rule of ${entry.title}.` };
  if (code.startsWith("40")) return { code: "conflict", message: "Another change came first. Try again." };
  return invalid(`${entry.title} refuses the statement (SQLSTATE ${code}).`);
}

/** Whether a failed COMMIT has written nothing: PostgreSQL ends a transaction by rolling it back at any error that is not fatal. */
export function isRolledBack(failure: unknown): boolean {
  if (!isPostgresqlError(failure)) return false;
  const { code, severity } = failure;
  // 40003 says that it is not known. A server ends no session for a rule that is broken, nor for another change.
  if (/^(23|40)/.test(code)) return code !== "40003";
  return severity === "ERROR" && !/^(08|53|57P|58|XX|F0)/.test(code);
}

function isPostgresqlError(failure: unknown): failure is PostgresqlError {
  const { code, message, severity } = (failure ?? {}) as {
    code?: unknown;
    message?: unknown;
    severity?: unknown;
  };
  return (
    typeof code === "string" &&
    /^[0-9A-Z]{5}$/.test(code) &&
    typeof message === "string" &&
    typeof severity === "string"
  );
}

/** The name in a message such as `column "amont" does not exist`, as the statement said it. */
function quoted(message: string): string {
  const [, double, plain] =
    /"((?:[^"]|""){1,130})"|(?:column|relation|function) (\S{1,130})/.exec(message) ?? [];
  return double ?? plain ?? "that it names";
}

function near(message: string): string {
  const [, text] = /at or near "((?:[^"]|""){1,60})"/.exec(message) ?? [];
  return text === undefined ? "" : ` near ${text}`;
}
