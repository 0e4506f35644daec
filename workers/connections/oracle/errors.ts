import type { ConnectionFailure, ConnectionTarget } from "../../../shared/objects/connection-gate.ts";

/** Numbers of ORA errors by what they mean. */
const NUMBERS = {
  timeout: [1013, 40, 3156],
  table: [942, 4043],
  column: [904],
  ambiguous: [918, 960],
  groups: [937, 979, 934, 935],
  values: [1722, 1839, 1840, 1841, 1843, 1847, 1850, 1858, 1861, 1830, 1476, 6502, 12899, 1426, 1428, 932],
  parameters: [1006, 1008, 1036],
  memory: [1652, 4030, 4036, 1555, 1654, 39726],
  rights: [1031, 1720, 1749, 2204, 28575],
  readOnly: [1456, 16000],
  account: [1005, 1017, 1045, 28000, 28001, 28002, 28009],
  service: [12505, 12514],
  again: [54, 60, 8176, 8177],
  rules: [1, 1400, 1407, 2091, 2290, 2291, 2292],
  away: [
    18, 20, 28, 600, 1012, 1014, 1033, 1034, 1035, 1089, 1090, 1092, 2396, 2399, 3113, 3114, 3135, 7445,
    12500, 12516, 12518, 12519, 12520, 12528, 12537, 12541, 12545, 12547, 12570, 12571,
  ],
} as const;

/** Our words for an error of Oracle or of its driver; `null` when the database is away or has no room. */
export function explainOracle(failure: unknown, { entry, name }: ConnectionTarget): ConnectionFailure | null {
  const found = readError(failure);
  if (found === null) return null;
  const { number, driver, text } = found;
  const title = entry.title;
  const look = `Look the name up with ${name}_search_objects.`;
  const invalid = (message: string, action?: string): ConnectionFailure => ({
    code: "invalid_input",
    message,
    ...(action !== undefined && { action }),
  });
  if (driver !== null) return explainDriver(driver, title);
  const is = (kind: keyof typeof NUMBERS) => (NUMBERS[kind] as readonly number[]).includes(number);
  if (is("away")) return null;
  if (is("timeout")) return stopped(title);
  if (is("table")) return invalid(`The table ${nameIn(text)} does not exist.`, look);
  if (is("column")) return invalid(`The column ${nameIn(text)} does not exist.`, look);
  if (is("ambiguous")) return invalid(`The column ${nameIn(text)} is ambiguous: name its table.`);
  if (is("groups")) return invalid("A column must be in GROUP BY or inside of an aggregate.");
  if (is("values"))
    return invalid("A value does not fit: a text is not a number or date, or it is out of range.");
  if (is("parameters")) return invalid("The parameters do not fit the statement's :p1, :p2 and so on.");
  if (is("memory"))
    return invalid(
      `${title} has not enough room for this statement.`,
      "Narrow it with filters, or aggregate.",
    );
  if (is("rights")) return { code: "forbidden", message: `The account of ${title} may not do this.` };
  if (is("readOnly"))
    return { code: "forbidden", message: `${title} is read-only: the statement would change data.` };
  if (is("account")) return refusedAccount(title);
  if (is("service")) return unknownService(title);
  if (is("again")) return { code: "conflict", message: "Another change came first. Try again." };
  if (is("rules")) return { code: "conflict", message: `The change breaks a rule of ${title}.` };
  if (number >= 12_500 && number < 12_700)
    return {
      code: "unavailable",
      message: `The listener of ${title} refuses its clients (error ORA-${number}).`,
    };
  if (number >= 900 && number < 1000) return invalid("The statement is not valid SQL of Oracle.");
  return invalid(`${title} refuses the statement (error ORA-${String(number).padStart(5, "0")}).`);
}

/** Whether a failed COMMIT has written nothing: a deferred rule is broken (ORA-02091), or another change came first. */
export function isRolledBack(failure: unknown): boolean {
  const found = readError(failure);
  return found !== null && found.driver === null && [60, 2091, 8177].includes(found.number);
}

/** Errors that the driver finds by itself. */
function explainDriver(number: number, title: string): ConnectionFailure | null {
  if (number === 123) return stopped(title);
  if (number === 518 || number === 519) return unknownService(title);
  if (number === 116)
    return {
      code: "unavailable",
      message: `${title} keeps the password of the account in a form of Oracle 10 that is not supported.`,
      action: "Ask its owner to set the password again, with the verifier 11G or 12C.",
    };
  if (number === 138)
    return { code: "unavailable", message: `${title} is older than Oracle 12.1, which is not supported.` };
  // A lost or unusable connection, and everything of the network.
  if (number === 3 || number >= 500) return null;
  return {
    code: "invalid_input",
    message: `A value of the statement's answer or parameters cannot be read (NJS-${String(number).padStart(3, "0")}).`,
    action: "Select it as text: TO_CHAR(column).",
  };
}

function stopped(title: string): ConnectionFailure {
  return {
    code: "timeout",
    message: `${title} stopped the statement after its time limit.`,
    action: "Narrow it with filters or a shorter period, or aggregate.",
  };
}

function refusedAccount(title: string): ConnectionFailure {
  return {
    code: "unavailable",
    message: `${title} refuses the account of this connection.`,
    action: "Ask its owner to set the password again.",
  };
}

function unknownService(title: string): ConnectionFailure {
  return {
    code: "unavailable",
    message: `The service of ${title} does not exist at its listener.`,
    action: "Ask its owner to correct the connection.",
  };
}

function readError(failure: unknown): { number: number; driver: number | null; text: string } | null {
  if (!(failure instanceof Error)) return null;
  const [, kind, digits] = /^(ORA|NJS)-(\d{1,5})\b/.exec(failure.message) ?? [];
  if (digits === undefined) return null;
  const number = Number(digits);
  // A refusal of the listener names the reason of the server behind it.
  const [, cause] = (kind === "NJS" && number === 511 && /Cause: ORA-(\d{1,5})/.exec(failure.message)) || [];
  if (cause !== undefined) return { number: Number(cause), driver: null, text: "" };
  return { number, driver: kind === "NJS" ? number : null, text: failure.message };
}

/** The name in a message such as `"C"."AMONT": invalid identifier`, as the database knows it. */
function nameIn(text: string): string {
  const [, name] = /"([^"]{1,128}(?:"\."[^"]{1,128})*)"/.exec(text) ?? [];
  return name === undefined ? "that the statement names" : name.replaceAll('"', "");
}
