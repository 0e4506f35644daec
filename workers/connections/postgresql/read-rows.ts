import type { Client, FieldDef } from "pg";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import { isNestedTooDeep } from "../nesting.ts";
import { boundRows } from "../sql/bound-rows.ts";
import type { AnsweredColumn, AnsweredRows } from "../sql/operation.ts";

/** Rows that one round trip brings, and those that are dropped. */
const BATCH = 100;
const DROPPED = 2_000;

/** One statement with its bounds. */
export interface BoundedStatement {
  text: string;
  values: readonly JsonValue[];
  limits: { rows: number; bytes: number };
  /** Rows beyond a bound are read and dropped: the database counts what was changed at the end of them. */
  writes: boolean;
}

/** Bounds the bytes that `read` brings over the wire. */
export type Meter = <Value>(read: () => Promise<Value>) => Promise<Value>;

/** Runs a last statement of ours in a transaction, ends the transaction in the same message, and gives its rows. */
export type EndWith = (last: string) => Promise<readonly object[]>;

/**
 * Runs one statement by the extended protocol, which takes no second one, and reads its rows through a portal:
 * what is beyond a bound stays in the database, except of a write. The transaction is ended where columns of tables have to be named.
 */
export async function readRows(
  client: Client,
  { text, values, limits, writes }: BoundedStatement,
  metered: Meter,
  endWith: EndWith,
): Promise<JsonValue> {
  const [{ default: Cursor }, { default: pg }] = await Promise.all([import("pg-cursor"), import("pg")]);
  const cursor = client.query(
    new Cursor<JsonValue[]>(text, [...values], {
      rowMode: "array",
      types: { getTypeParser: (oid: number) => parserOf(oid, pg.types.builtins) },
    } as ConstructorParameters<typeof Cursor>[2]),
  );
  const taken = boundRows(limits);
  let wanted = Math.min(BATCH, limits.rows + 1);
  let hasEnded = false;
  let count = 0;
  const read = async () => {
    for (let keeps = true; !hasEnded && (keeps || writes); ) {
      const rows = await cursor.read(wanted);
      // Fewer rows come at the end of the statement alone. Asking again, or closing then, waits for a timer of the runtime.
      hasEnded = rows.length < wanted;
      count += rows.length;
      keeps &&= taken.add(rows);
      if (!keeps) wanted = DROPPED;
    }
  };
  await metered(async () => {
    try {
      await read();
    } finally {
      if (!hasEnded) await Promise.race([cursor.close(), endOf(client)]);
    }
  });
  const { fields = [], rowCount, command } = (cursor as unknown as { _result: CursorResult })._result;
  const columns = await describeColumns(fields, pg.types.builtins, endWith);
  // Of a portal that gives rows the server counts those of the last round trip alone.
  const changed = !CHANGES.includes(command ?? "") ? null : fields.length > 0 ? count : rowCount;
  const answer: AnsweredRows = { columns, ...taken.result(), changed };
  return answer as unknown as JsonValue;
}

interface CursorResult {
  fields?: FieldDef[];
  rowCount: number | null;
  command: string | null;
}

/** Commands whose rows are those that they changed. */
const CHANGES = ["INSERT", "UPDATE", "DELETE", "MERGE"];

/** Resolves when the socket is lost: a server that ends a session does not answer the end of its portal. */
function endOf(client: Client): Promise<void> {
  const { _ended: hasEnded, _queryable: isQueryable } = client as unknown as {
    _ended: boolean;
    _queryable: boolean;
  };
  if (hasEnded || !isQueryable) return Promise.resolve();
  return new Promise((resolve) => {
    // Of a socket that is reset while something is sent, the runtime tells the error, and not always the end.
    client.once("error", () => resolve());
    client.once("end", () => resolve());
  });
}

type Builtins = Readonly<Record<string, number | string>>;

/** Numbers that fit are numbers, everything else stays in the database's own text. */
function parserOf(oid: number, builtins: Builtins): (text: string) => JsonValue {
  switch (oid) {
    case builtins.BOOL:
      return (text) => text === "t";
    case builtins.INT2:
    case builtins.INT4:
    case builtins.FLOAT4:
    case builtins.FLOAT8:
    case builtins.INT8:
    case builtins.NUMERIC:
      return toNumber;
    case builtins.JSON:
    case builtins.JSONB:
      return (text) => (isNestedTooDeep(text) ? text : (JSON.parse(text) as JsonValue));
    default:
      return (text) => text;
  }
}

/** A number if JSON can say exactly this one, else its text (`NaN`, `12345678901234567890`). */
function toNumber(text: string): JsonValue {
  const number = Number(text);
  return Number.isFinite(number) && String(number) === text.replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "")
    ? number
    : text;
}

/** Asks for the names of columns. The numbers come from the server, and only numbers can be in them. */
function askOrigins(fields: readonly FieldDef[]): string {
  const places = fields.map(({ tableID, columnID }) => `(${Number(tableID)}, ${Number(columnID)})`);
  return `
  SELECT c.oid::bigint::float8 AS oid, a.attnum::int AS number, n.nspname || '.' || c.relname || '.' || a.attname AS name
    FROM (VALUES ${[...new Set(places)].join(", ")}) AS wanted(relation, number)
    JOIN pg_class c ON c.oid = wanted.relation JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = wanted.number`;
}

async function describeColumns(
  fields: readonly FieldDef[],
  builtins: Builtins,
  endWith: EndWith,
): Promise<AnsweredColumn[]> {
  const types = new Map(Object.entries(builtins).map(([name, oid]) => [oid, name.toLowerCase()]));
  const stored = fields.filter(({ tableID }) => tableID > 0);
  const rows = (stored.length === 0 ? [] : await endWith(askOrigins(stored))) as {
    oid: number;
    number: number;
    name: string;
  }[];
  const origins = new Map(rows.map(({ oid, number, name }) => [`${oid}:${number}`, name]));
  return fields.map(({ name, dataTypeID, tableID, columnID }) => ({
    name,
    type: types.get(dataTypeID) ?? "other",
    origin: origins.get(`${tableID}:${columnID}`) ?? null,
  }));
}
