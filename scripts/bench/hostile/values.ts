import fc from "fast-check";

/**
 * Strings that break careless code: code of other languages, lone surrogates, numbers beyond a double, empty
 * text.
 */
const NASTY_STRINGS = [
  "",
  " ",
  "\u0000",
  "\ud800",
  "a\udfff",
  "\u202e",
  "__proto__",
  "constructor",
  "toString",
  "' OR 1=1 --",
  '"; DROP TABLE contacts; --',
  "../../etc/passwd",
  "%00%ff%2e%2e",
  "{{7*7}}",
  "<script>alert(1)</script>",
  "=?base64?AAAA?=",
  "p:1",
  "NaN",
  "A".repeat(70_000),
  "e\u0301".repeat(5_000),
  "(((((((((((((((((((((a+)+)+)+)+)+)+$",
  "*".repeat(3_000),
  '"NEAR(a b, 9999999999)"',
] as const;

const NASTY_NUMBERS = [0, -0, -1, 1.5, 2 ** 31, 2 ** 53, -(2 ** 53), 1e21, Number.MAX_VALUE, 5e-324] as const;

/** A malformed or unexpected string. */
export const nastyString: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...NASTY_STRINGS),
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.string({ maxLength: 40 }),
);

/** Any JSON value, also with prototype keys. */
export const nastyValue: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom<unknown>(null, true, false, [], {}, ...NASTY_NUMBERS),
    nastyString,
    fc.array(tie("value"), { maxLength: 5 }),
    tie("object"),
  ),
  object: fc
    .array(
      fc.tuple(
        fc.oneof(
          fc.constantFrom(
            "__proto__",
            "constructor",
            "prototype",
            "toJSON",
            "then",
            "length",
            "jsonrpc",
            "name",
          ),
          fc.string({ maxLength: 12 }),
        ),
        tie("value"),
      ),
      { maxLength: 5 },
    )
    // Defined instead of assigned: an assigned "__proto__" would be lost.
    .map((pairs) =>
      pairs.reduce(
        (object, [key, value]) =>
          Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true }),
        {},
      ),
    ),
})).value;

/** An id as JSON text, possibly beyond the range of a double. */
export const nastyId: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    "null",
    "-1",
    "1.5",
    "1e400",
    "-1e400",
    "9007199254740993",
    "[]",
    "{}",
    "true",
    '""',
    '"__proto__"',
  ),
  fc.integer().map(String),
  nastyString.map((text) => JSON.stringify(text)),
);
