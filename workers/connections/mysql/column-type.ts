import type { AnsweredRows } from "../sql/operation.ts";

/** What the server says of a column in an answer, as mysql2 reads the packet. */
export interface ColumnPacket {
  columnType?: number;
  characterSet?: number;
  flags?: number;
  /** Types that MariaDB alone has, such as `uuid`. */
  extendedTypeName?: string;
  /** `json` where MariaDB keeps JSON as text. */
  extendedFormat?: string;
}

/** Names by the protocol's number, as columns are declared. */
const NAMES: Readonly<Record<number, string>> = {
  0: "decimal",
  1: "tinyint",
  2: "smallint",
  3: "int",
  4: "float",
  5: "double",
  6: "null",
  7: "timestamp",
  8: "bigint",
  9: "mediumint",
  10: "date",
  11: "time",
  12: "datetime",
  13: "year",
  15: "varchar",
  16: "bit",
  242: "vector",
  245: "json",
  246: "decimal",
  247: "enum",
  248: "set",
  249: "tinytext",
  250: "mediumtext",
  251: "longtext",
  252: "text",
  253: "varchar",
  254: "char",
  255: "geometry",
};

/** Bytes have the same numbers as text, and this character set. */
const BINARY = 63;
const BYTES: Readonly<Record<string, string>> = {
  char: "binary",
  varchar: "varbinary",
  tinytext: "tinyblob",
  text: "blob",
  mediumtext: "mediumblob",
  longtext: "longblob",
};

/** Both arrive as text, told by a flag. */
const ENUM_FLAG = 256;
const SET_FLAG = 2048;

/** Name of a column's type, such as `varchar`. `other` for a number that is not known here. */
function nameColumnType(packet: ColumnPacket): string {
  const { columnType = -1, characterSet, flags = 0, extendedTypeName, extendedFormat } = packet;
  const special = extendedFormat || extendedTypeName;
  if (special) return special.toLowerCase();
  const name = NAMES[columnType] ?? "other";
  if (name === "char" && flags & ENUM_FLAG) return "enum";
  if (name === "char" && flags & SET_FLAG) return "set";
  return (characterSet === BINARY && BYTES[name]) || name;
}

/** A column as mysql2 describes it; of text protocol and prepared statements the names differ. */
export interface FieldPacket extends ColumnPacket {
  name: string;
  orgName?: string;
  orgTable?: string;
  schema?: string;
  db?: string;
}

/** Name, type and origin of a column of an answer. */
export function describeField(field: FieldPacket): AnsweredRows["columns"][number] {
  const { name, orgName, orgTable } = field;
  const database = field.schema ?? field.db;
  const origin = orgName && orgTable && database ? `${database}.${orgTable}.${orgName}` : null;
  return { name, type: nameColumnType(field), origin };
}
