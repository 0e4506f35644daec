import fc from "fast-check";
import { ToolError } from "../../shared/call/tool-error.ts";
import type { JudgeStatement, StatementRules } from "../../workers/connections/judge/statement.ts";
import type { Attempt } from "./attempts/attempt.ts";

/** Statements on the columns that are not hidden, of every dialect. */
export const USABLE = [
  "SELECT id, name FROM customers",
  "SELECT COUNT(*) FROM customers",
  "SELECT o.*, c.name FROM orders o JOIN customers c ON c.id = o.customer_id",
  "SELECT email FROM hr.staff",
  "SELECT x.email FROM (SELECT name AS email FROM customers) x",
];

/** The attempts that pass, or that fail with something else than a refusal. */
export async function findAccepted(
  judge: JudgeStatement,
  attempts: readonly Attempt[],
  rules: StatementRules,
): Promise<string[]> {
  const accepted: string[] = [];
  for (const { kind, sql } of attempts) {
    const outcome = await judge(sql, rules).catch((failure: unknown) => failure);
    const isRefused = outcome instanceof ToolError && ["invalid_input", "forbidden"].includes(outcome.code);
    if (!isRefused) accepted.push(`${kind}: ${sql.slice(0, 200)} (${String(outcome)})`);
  }
  return accepted;
}

/** The honest statements that do not pass, with the reason. */
export async function findRefused(
  judge: JudgeStatement,
  statements: readonly string[],
  rules: StatementRules,
): Promise<string[]> {
  const refused: string[] = [];
  for (const sql of statements) {
    const outcome = await judge(sql, rules).catch((failure: unknown) => failure);
    if (outcome instanceof Error) refused.push(`${sql} (${outcome.message})`);
  }
  return refused;
}

/** Any text, known statements cut into pieces and put together again, and known statements with noise in them. */
export function writeStatement(
  honest: readonly string[],
  attempts: readonly Attempt[],
): fc.Arbitrary<string> {
  const known = [...honest, ...attempts.map(({ sql }) => sql)].filter((sql) => sql.length < 500);
  const pieces = known.flatMap((sql) => sql.split(/(?<=\W)|(?=\W)/));
  return fc.oneof(
    fc.string({ unit: "binary", maxLength: 200 }),
    fc.string({ unit: "grapheme-ascii", maxLength: 200 }),
    fc.array(fc.constantFrom(...pieces), { maxLength: 40 }).map((parts) => `SELECT ${parts.join("")}`),
    fc
      .tuple(fc.constantFrom(...known), fc.nat(500), fc.constantFrom(...pieces), fc.nat(10))
      .map(([sql, at, piece, cut]) => sql.slice(0, at) + piece + sql.slice(at + cut)),
  );
}
