/**
 * A quoted text or name with doubled quotes in it, a comment to the end of its line, or any other character.
 */
const PIECE = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|;|[^'"\-;]+|-/g;

/**
 * Cuts SQL into its statements. Semicolons in texts and names end none. Not for triggers, whose bodies hold
 * statements.
 */
export function splitStatements(sql: string): string[] {
  const statements = [""];
  for (const [piece] of sql.matchAll(PIECE)) {
    if (piece === ";") statements.push("");
    else statements.push((statements.pop() ?? "") + piece);
  }
  return statements.map((statement) => statement.trim()).filter((statement) => statement !== "");
}
