/** Statements whose work does not follow from their number of rows; found in reviews. */
export const KNOWN_STATEMENTS: readonly string[] = [
  "SELECT count(*) FROM (SELECT rowid FROM events LIMIT 120) WHERE instr(printf('%.*c',100000,'a'),printf('%.*c',50000,'a')||rowid||'b')>0",
  "SELECT DISTINCT printf('%.*c',100000,'a')||id FROM events",
  "SELECT count(DISTINCT printf('%50000d', id)) FROM events",
  "SELECT id FROM events ORDER BY printf('%.50000f', id)",
  "SELECT printf('%s%s', printf('%9000s', id), printf('%9000s', id)) FROM events",
  "WITH a AS (SELECT id, kind||kind||kind||kind AS t FROM events), b AS (SELECT id, t||t||t||t AS t FROM a), c AS (SELECT id, t||t||t||t AS t FROM b), d AS (SELECT id, t||t||t||t AS t FROM c), e AS (SELECT id, t||t||t||t AS t FROM d) SELECT count(DISTINCT t||id) FROM e",
  "SELECT sum(amount_cents) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE CURRENT ROW) FROM events",
  "SELECT group_concat(product) OVER (ORDER BY id) FROM events",
  "SELECT max(length(json)) FROM json_each((SELECT json_group_array(id) FROM events))",
  "SELECT count(*) FROM events WHERE replace(hex(hex(hex(hex(product)))), 'a', hex(product)) LIKE '%a%b%'",
  `SELECT count(*) FROM events WHERE ${Array.from({ length: 900 }, () => "id+1").join("+")} < 5`,
  `SELECT count(*) FROM events WHERE instr('${"a".repeat(4_500)}', '${"a".repeat(2_000)}' || id) > 0`,
  `SELECT count(*) FROM events WHERE trim(product, '${"abcdefghij".repeat(400)}') = ''`,
  "SELECT count(*) FROM us_employment a, calendar b WHERE a.jobs || b.day LIKE '%9%9%9%9%'",
];

/** A seeded source of random numbers (mulberry32), from 0 up to 1. */
export function startChance(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Generates an expression over columns of `events` with a text as its value. */
export function generateText(chance: () => number, depth: number): string {
  return openGenerator(chance).text(depth);
}

/** Generates a statement over offered tables, with expressions of random cost. */
export function generateStatement(chance: () => number): string {
  return openGenerator(chance).statement();
}

function openGenerator(chance: () => number): { text(depth: number): string; statement(): string } {
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(chance() * items.length)] as Item;
  const upTo = (most: number) => 1 + Math.floor(chance() ** 3 * most);
  const column = () => pick(["kind", "product", "occurred_at", "customer_id", "country", "id"]);
  const literal = (): string => `'${pick(["a", "ab", "%a%", "_a", "order"]).repeat(upTo(400))}'`;

  const text = (depth: number): string => {
    if (depth <= 0) return pick([column, column, literal])();
    const inner = () => text(depth - 1 - Math.floor(chance() * 2));
    return pick([
      () => `${inner()} || ${inner()}`,
      () => `printf('%.*c', ${upTo(200_000)}, 'a')`,
      () => `printf('%${upTo(99)}s-%s', ${inner()}, ${inner()})`,
      () => `format('%${upTo(20_000)}d', id)`,
      () => `replace(${inner()}, ${pick(["'a'", "''", inner()])}, ${inner()})`,
      () => `${pick(["hex", "quote", "upper", "lower", "json_quote", "soundex"])}(${inner()})`,
      () => `substr(${inner()}, ${upTo(10)}, ${upTo(5_000)})`,
      () => `${pick(["trim", "ltrim", "rtrim"])}(${inner()}, ${inner()})`,
      () => `concat(${inner()}, ${inner()}, ${inner()})`,
      () => `json_array(${inner()}, ${inner()})`,
      () => `strftime('${"%Y-%m-%d %H".repeat(upTo(100))}', occurred_at)`,
      () => `(SELECT group_concat(${column()}) FROM (SELECT * FROM events LIMIT ${upTo(50_000)}))`,
      () => `CASE WHEN ${condition(depth - 1)} THEN ${inner()} ELSE ${inner()} END`,
      () => `(SELECT max(t) FROM (SELECT ${inner()} AS t))`,
    ])();
  };
  const condition = (depth: number): string =>
    pick([
      () => `instr(${text(depth)}, ${text(depth)}) > 0`,
      () => `${text(depth)} ${pick(["LIKE", "GLOB"])} ${pick(["'%a%b%'", "'*a*b*'", text(depth - 1)])}`,
      () => `${text(depth)} ${pick(["=", "<", "<>"])} ${text(depth)}`,
      () => `length(${text(depth)}) > ${upTo(1_000)}`,
      () => `json_valid(${text(depth)})`,
      () => `id IN (${Array.from({ length: upTo(300) }, (_, at) => at).join(", ")})`,
      () => `${Array.from({ length: upTo(300) }, () => "id + 1").join(" + ")} > 5`,
      () => `CAST(${text(depth)} AS INTEGER) > 5`,
    ])();
  const source = () =>
    pick([
      () => "events",
      () => `(SELECT * FROM events LIMIT ${upTo(100_000)})`,
      () => `(SELECT *, ${text(2)} AS t FROM events) AS s`,
      () => "events JOIN (SELECT sector FROM us_employment LIMIT 20) AS u",
      () => `(SELECT * FROM events LIMIT ${upTo(300)}) AS e, (SELECT day FROM calendar) AS c`,
      () => "events, json_each('[1,2,3,4,5,6,7,8,9]') AS j",
      () => "(SELECT * FROM events UNION ALL SELECT * FROM events) AS both_",
    ])();
  const frame = () =>
    pick([
      "",
      " ROWS BETWEEN 100 PRECEDING AND CURRENT ROW",
      " ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE TIES",
      " GROUPS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW EXCLUDE CURRENT ROW",
    ]);
  const statement = (depth: number) =>
    pick([
      () => `SELECT count(*) FROM ${source()} WHERE ${condition(depth)}`,
      () => `SELECT DISTINCT ${text(depth)} FROM ${source()}`,
      () => `SELECT ${text(depth)} FROM ${source()} ORDER BY ${text(depth)}`,
      () => `SELECT ${text(depth)}, count(*) FROM ${source()} GROUP BY 1`,
      () => `SELECT count(DISTINCT ${text(depth)}), max(${text(depth)}) FROM ${source()}`,
      () =>
        `SELECT ${pick(["sum(id)", "max(kind)", "count(*)"])} OVER (ORDER BY id${frame()}) FROM ${source()}`,
      () => `SELECT group_concat(${text(depth - 1)}) OVER (ORDER BY id${frame()}) FROM ${source()}`,
      () =>
        `WITH a AS (SELECT id, ${text(depth)} AS t FROM events), b AS (SELECT id, t || t AS t FROM a), c AS (SELECT id, t || t AS t FROM b) SELECT max(t || id) FROM c`,
      () =>
        `SELECT count(*) FROM events e WHERE EXISTS (SELECT 1 FROM calendar c WHERE ${condition(1)} AND c.day > e.occurred_at)`,
      () => `SELECT length(group_concat(${text(depth)})) FROM ${source()} GROUP BY kind`,
      () => `SELECT ${text(depth)} FROM events UNION SELECT ${text(depth)} FROM events`,
    ])();
  return { text, statement: () => statement(upTo(4)) };
}
