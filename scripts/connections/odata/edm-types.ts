import type { JsonValue } from "../../../shared/encoding/json.ts";
import type { ODataService } from "./read-metadata.ts";

/** What stands around a value in an address (OData URL Conventions, «Literal»). */
export interface Literal {
  before: string;
  after: string;
}

type Schema = Readonly<Record<string, JsonValue>>;

/** A type of values: how JSON has it, and how an address does. */
export interface EdmType {
  value: Schema;
  /** The argument that becomes a literal. Without quotes around it, it is checked to end where it is written. */
  argument: Schema;
  literal: Literal;
}

const around = (before: string, after = ""): Literal => ({ before, after });

const quoted = (before = "", more: Schema = {}, value: Schema = { type: "string" }): EdmType => ({
  value,
  argument: { type: "string", maxLength: 500, ...more },
  literal: around(`${before}'`, "'"),
});

const plain = (pattern: string, value: Schema, literal = around(""), more: Schema = {}): EdmType => ({
  value,
  argument: { type: "string", pattern, ...more },
  literal,
});

const MOMENT = "^[0-9T:.Z+-]{1,40}$";
const GUID = "^[0-9A-Fa-f-]{36}$";
const number = (value: Schema, after = "") =>
  plain("^[0-9.+-]{1,60}(?:[eE][0-9+-]{1,5})?$", value, around("", after), {
    description: "A number as text",
  });

const whole = { type: "integer" };
const INTEGER: EdmType = { value: whole, argument: whole, literal: around("") };
const isTrue = { type: "boolean" };

/** What both versions write alike. */
const COMMON: Readonly<Record<string, EdmType>> = {
  "Edm.String": quoted(),
  "Edm.Boolean": { value: isTrue, argument: isTrue, literal: around("") },
  "Edm.Byte": INTEGER,
  "Edm.SByte": INTEGER,
  "Edm.Int16": INTEGER,
  "Edm.Int32": INTEGER,
};

const DATE_TIME = { description: "Such as 2026-01-31T00:00:00" };
const TIME = { description: "Such as PT13H20M" };

/**
 * Every primitive type of a version, of which nothing else knows more (OData 2.0 «Primitive Data Types» and JSON format;
 * OData 4.01 URL Conventions §5.1.1.6.1 and JSON Format §7.1). JSON of 2.0 has long numbers as texts, so that no digit is
 * lost.
 */
const TYPES: Readonly<Record<ODataService["version"], Readonly<Record<string, EdmType>>>> = {
  2: {
    ...COMMON,
    "Edm.Binary": quoted("X", { pattern: "^[0-9A-Fa-f]*$", description: "In hexadecimal digits" }),
    "Edm.Guid": quoted("guid", { pattern: GUID }),
    "Edm.DateTime": quoted("datetime", DATE_TIME, {
      type: "string",
      description: "Such as 2026-01-31T00:00:00, or /Date(1769817600000)/",
    }),
    "Edm.DateTimeOffset": quoted("datetimeoffset", { description: "Such as 2026-01-31T00:00:00Z" }),
    "Edm.Time": quoted("time", TIME),
    "Edm.Int64": number({ type: "string" }, "L"),
    "Edm.Decimal": number({ type: "string" }, "M"),
    "Edm.Double": number({ type: "number" }, "d"),
    "Edm.Single": number({ type: "number" }, "f"),
  },
  4: {
    ...COMMON,
    "Edm.Binary": quoted("binary", { pattern: "^[0-9A-Za-z_=-]*$", description: "In Base64 for URLs" }),
    "Edm.Guid": plain(GUID, { type: "string" }),
    "Edm.Date": plain(MOMENT, { type: "string", format: "date" }),
    "Edm.DateTimeOffset": plain(MOMENT, { type: "string", format: "date-time" }),
    "Edm.TimeOfDay": plain(MOMENT, { type: "string" }),
    "Edm.Duration": quoted("duration", TIME),
    "Edm.Int64": number({ type: "number" }),
    "Edm.Decimal": number({ type: "number" }),
    "Edm.Double": number({ type: "number" }),
    "Edm.Single": number({ type: "number" }),
  },
};

/** A primitive or enumeration type; `null` for every other, which has no literal. */
export function edmType({ version, enums }: ODataService, type: string): EdmType | null {
  const known = TYPES[version][type];
  if (known !== undefined) return known;
  const members = enums.get(type);
  if (members === undefined || !/^[\w.]{1,200}$/.test(type)) return null;
  const value: Schema = { type: "string", ...(members.length > 0 && { enum: [...members] }) };
  return { value, argument: value, literal: around(`${type}'`, "'") };
}
