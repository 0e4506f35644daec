import type { ConnectionFailure, ConnectionTarget } from "../../../shared/objects/connection-gate.ts";

/** An exception that ClickHouse answered. */
class ClickhouseError extends Error {
  readonly code: number;

  constructor(code: number, text: string) {
    super(text);
    this.name = "ClickhouseError";
    this.code = code;
  }
}

/** Reads an answer such as `Code: 60. DB::Exception: …`; `null` if the text is none. */
export function readClickhouseError(text: string): ClickhouseError | null {
  const [, code, message] = /Code: (\d+)\. DB::Exception: ([\s\S]{0,400})/.exec(text) ?? [];
  return code === undefined ? null : new ClickhouseError(Number(code), message ?? "");
}

/** Our words for an error code of ClickHouse (`ErrorCodes.cpp`); `null` when the server is away or has no room. */
export function explainClickhouse(
  failure: unknown,
  { entry, name }: ConnectionTarget,
): ConnectionFailure | null {
  if (!(failure instanceof ClickhouseError)) return null;
  const invalid = (message: string, action?: string): ConnectionFailure => ({
    code: "invalid_input",
    message,
    ...(action !== undefined && { action }),
  });
  const look = `Look the name up with ${name}_search_objects.`;
  switch (failure.code) {
    case 159:
    case 160:
      return {
        code: "timeout",
        message: `${entry.title} stopped the statement after its time limit.`,
        action: "Narrow it with filters or a shorter period, or aggregate.",
      };
    case 158:
    case 241:
    case 307:
    case 396:
      return invalid(
        `${entry.title} stopped the statement at its limit of rows, bytes or memory.`,
        "Narrow it with filters or a shorter period, or aggregate.",
      );
    case 60:
      return invalid(`The table ${quoted(failure.message)} does not exist.`, look);
    case 16:
    case 47:
      return invalid(`The column ${quoted(failure.message)} does not exist.`, look);
    case 62:
      return invalid("The statement is not valid SQL for ClickHouse.");
    case 42:
    case 43:
    case 46:
    case 53:
    case 386:
      return invalid(
        "The types or number of arguments of a function or operator do not fit: cast one of them.",
      );
    case 184:
    case 215:
      return invalid("A column must be in GROUP BY or inside of an aggregate.");
    case 6:
    case 38:
    case 41:
    case 72:
    case 456:
    case 457:
      return invalid(
        "A value or parameter does not fit its type.",
        "Check the types in {p1:Type}, dates and numbers.",
      );
    case 164:
      return {
        code: "forbidden",
        message: `${entry.title} is read-only: the statement would change data or settings.`,
      };
    case 291:
    case 497:
      return { code: "forbidden", message: `The account of ${entry.title} may not do this.` };
    case 192:
    case 193:
    case 194:
    case 516:
      return {
        code: "unavailable",
        message: `${entry.title} refuses the account of this connection.`,
        action: "Ask its owner to set the password again.",
      };
    case 81:
      return {
        code: "unavailable",
        message: `The database of ${entry.title} does not exist.`,
        action: "Ask its owner to correct the connection.",
      };
    // Too many queries, no free connection, shutting down, replicas away.
    case 202:
    case 203:
    case 209:
    case 210:
    case 236:
    case 242:
    case 279:
      return null;
    default:
      return invalid(`${entry.title} refuses the statement (code ${failure.code}).`);
  }
}

/** The first name in quotes, as the statement said it. */
function quoted(message: string): string {
  return /[`'"]([^`'"]{1,130})[`'"]/.exec(message)?.[1] ?? "that it names";
}
