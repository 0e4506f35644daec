import Papa from "papaparse";
import { email, name } from "./fields.ts";

/** Most bytes of a file of the command, and people in it. */
const FILE_LIMITS: FileLimits = { bytes: 10 * 1024 * 1024, people: 50_000 };

/** Most bytes of a file, and people in it. */
export interface FileLimits {
  bytes: number;
  people: number;
}

/** A person as a line of the file names them. */
export interface ListedPerson {
  /** Of the file, where the person's record begins; 1 is the first. */
  line: number;
  email: string;
  name: string;
  role: string;
}

/** Everyone in a file, and a sentence for each line that cannot be taken. */
export interface ReadPeople {
  people: ListedPerson[];
  mistakes: string[];
}

/** Columns by their names in the first line. */
const COLUMNS = ["email", "name", "role"] as const;

/**
 * Reads a CSV file of people (RFC 4180; comma, semicolon or tab): the first line names the columns `email`, `name` and,
 * if wanted, `role`. Reports every mistake with its line.
 */
export function readPeopleFile(
  bytes: Uint8Array,
  { roles, defaultRole }: { roles: readonly string[]; defaultRole: string },
  most: FileLimits = FILE_LIMITS,
): ReadPeople {
  const failed = (text: string): ReadPeople => ({ people: [], mistakes: [text] });
  if (bytes.byteLength > most.bytes)
    return failed(`The file is larger than ${Math.floor(most.bytes / 1024)} KiB. Split it.`);
  const text = decode(bytes);
  if (text === null) return failed("The file is not UTF-8. Save it as «CSV UTF-8».");
  const records = splitRecords(text);
  if (typeof records === "string") return failed(records);
  const [head, ...rows] = records;
  if (head === undefined)
    return failed("The file is empty. Its first line names the columns: email,name,role");
  const columns = head.fields.map((field) => field.trim().toLowerCase());
  const unknown = columns.find((column) => !(COLUMNS as readonly string[]).includes(column));
  if (unknown !== undefined) {
    return failed(
      `Line 1: there is no column ${JSON.stringify(unknown)}. The columns are ${COLUMNS.join(", ")}.`,
    );
  }
  for (const column of ["email", "name"]) {
    if (!columns.includes(column)) return failed(`Line 1: the column "${column}" is missing.`);
  }
  if (new Set(columns).size < columns.length) return failed("Line 1: a column is named twice.");
  if (rows.length > most.people)
    return failed(`The file has more than ${most.people.toLocaleString("en")} people. Split it.`);
  const seen = new Map<string, number>();
  const mistakes: string[] = [];
  const people = rows.flatMap(({ line, fields }): ListedPerson[] => {
    const say = (what: string) => {
      mistakes.push(`Line ${line}: ${what}`);
      return [];
    };
    if (fields.length !== columns.length) {
      return say(`it has ${fields.length} fields, and the first line ${columns.length}.`);
    }
    const field = (column: string) => fields[columns.indexOf(column)]?.trim() ?? "";
    const address = email.safeParse(field("email"));
    if (!address.success) return say(`${JSON.stringify(field("email").slice(0, 80))} is no e-mail address.`);
    const called = name.safeParse(field("name"));
    if (!called.success)
      return say("the name is missing, longer than 120 characters, or has control characters.");
    const role = field("role") || defaultRole;
    if (!roles.includes(role)) {
      return say(`there is no role ${JSON.stringify(role.slice(0, 80))}. The roles are ${roles.join(", ")}.`);
    }
    const first = seen.get(address.data);
    if (first !== undefined) return say(`${address.data} is in line ${first} already.`);
    seen.set(address.data, line);
    return [{ line, email: address.data, name: called.data, role }];
  });
  return { people, mistakes };
}

function decode(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch {
    return null;
  }
}

/** The records with their lines: a quoted field may go over several. */
function splitRecords(text: string): { line: number; fields: string[] }[] | string {
  const records: { line: number; fields: string[] }[] = [];
  let [read, line] = [0, 1];
  let mistake: string | undefined;
  Papa.parse<string[]>(text, {
    delimiter: findDelimiter(text),
    step({ data, errors, meta }) {
      const quotes = errors.find(({ type }) => type === "Quotes");
      if (quotes !== undefined)
        mistake ??= `Line ${line}: a quotation mark is not closed, or stands inside of a field.`;
      if (data.some((field) => field.trim() !== "")) records.push({ line, fields: data });
      line += text.slice(read, meta.cursor).split("\n").length - 1;
      read = meta.cursor;
    },
  });
  return mistake ?? records;
}

/** The separator that the first line has most of: spreadsheets of some languages write semicolons. */
function findDelimiter(text: string): string {
  const [head = ""] = text.split("\n", 1);
  const counted = [",", ";", "\t"].map((one) => ({ one, times: head.split(one).length }));
  return counted.reduce((most, next) => (next.times > most.times ? next : most)).one;
}
