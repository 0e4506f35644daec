import { countNumbered } from "../clauses.ts";
import { checkText, reject } from "../refuse.ts";
import { lex } from "./lex.ts";

const WRITES = ["INSERT", "UPDATE", "DELETE", "MERGE", "CALL", "BEGIN"];

/**
 * How many parameters a statement of Oracle has that a company wrote to change something. What it changes is not read.
 * Refused is what changes the structure of the database, which ends the transaction.
 */
export function countOfWrite(sql: string): number {
  checkText(sql);
  const tokens = lex(sql);
  const [first] = tokens;
  if (first?.kind !== "word" || !WRITES.includes(first.text))
    throw reject(`A statement that changes something begins with ${WRITES.join(", ")}.`);
  const names = tokens.flatMap(({ kind, text }) => (kind === "parameter" ? [text] : []));
  return countNumbered(names, ":p1, :p2");
}
