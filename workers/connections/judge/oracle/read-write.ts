import { countNumbered } from "../clauses.ts";
import { checkText, reject } from "../refuse.ts";
import { lex } from "./lex.ts";

const BLOCKS = ["BEGIN", "DECLARE"];
const WRITES = ["INSERT", "UPDATE", "DELETE", "MERGE", "CALL", ...BLOCKS];

/**
 * How many parameters a statement of Oracle has that a company wrote to change something. What it changes is not read.
 * Refused is what changes the structure of the database, which ends the transaction.
 */
export function countOfWrite(sql: string): number {
  checkText(sql);
  const tokens = lex(sql, true).slice(0, -1);
  const [first] = tokens;
  if (first?.kind !== "word" || !WRITES.includes(first.text))
    throw reject(`A statement that changes something begins with ${WRITES.join(", ")}.`);
  const isEnd = ({ kind, text }: { kind: string; text: string }) => kind === "symbol" && text === ";";
  if (BLOCKS.includes(first.text)) {
    if (!tokens.slice(-1).some(isEnd)) throw reject("A block of PL/SQL ends with END and a semicolon.");
  } else if (tokens.slice(0, -1).some(isEnd)) throw reject("Only one statement is allowed.");
  const names = tokens.flatMap(({ kind, text }) => (kind === "parameter" ? [text] : []));
  return countNumbered(names, ":p1, :p2");
}
