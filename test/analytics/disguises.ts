import fc from "fast-check";

const writes = fc.constantFrom(
  "DELETE FROM events",
  "INSERT INTO events (id) VALUES (1)",
  "REPLACE INTO events (id) VALUES (1)",
  "UPDATE events SET amount_cents = 0",
  "DROP TABLE events",
  "CREATE TABLE stolen AS SELECT * FROM events",
  "ALTER TABLE events ADD COLUMN x",
  "PRAGMA writable_schema = 1",
  "ATTACH ':memory:' AS m",
  "VACUUM INTO 'x'",
  "REINDEX",
);

const reads = fc.constantFrom(
  "SELECT 1",
  "SELECT * FROM events",
  'SELECT \';\' AS [;], "a;b" FROM (SELECT 1 AS "a;b")',
  "WITH x AS (SELECT 1) SELECT * FROM x",
  "VALUES (1, ';')",
);

const gaps = fc.constantFrom(
  " ",
  "\n",
  "\t",
  "/* ; */",
  "/**/",
  "/*/ */",
  "-- '\n",
  "--;\n",
  " /* ' */ ",
  "\uFEFF",
  '/* " [ ` */',
);

const case_ = fc.func(fc.boolean());

/** A write hidden behind reads, quotes, comments, brackets and letter case; none may run. */
export const disguisedWrites: fc.Arbitrary<string> = fc
  .record({
    write: writes,
    read: reads,
    gaps: fc.array(gaps, { minLength: 4, maxLength: 4 }),
    upper: case_,
    shape: fc.integer({ min: 0, max: 9 }),
  })
  .map(({ write, read, gaps: [a = " ", b = " ", c = " ", d = " "], upper, shape }) => {
    const hidden = [...write.replaceAll(" ", a === "\uFEFF" ? " " : ` ${a}`)]
      .map((letter, index) =>
        /[a-z]/i.test(letter) && a.trim() === "" && upper(index) ? letter.toLowerCase() : letter,
      )
      .join("");
    const shapes = [
      `${b}${hidden}${c}`,
      `${read}${b};${c}${hidden}`,
      `${read};${hidden};${d}`,
      `${read}${b})${c};${hidden}${d}--`,
      `WITH${b} x AS (SELECT 1)${c} ${hidden}`,
      `WITH x AS (${hidden} RETURNING *) SELECT * FROM x`,
      `SELECT * FROM (${hidden})`,
      `SELECT (${hidden})`,
      `EXPLAIN${b} ${hidden}`,
      `SELECT 1 WHERE EXISTS (${b}${hidden}${c});${d}`,
    ];
    return shapes[shape] ?? hidden;
  });
