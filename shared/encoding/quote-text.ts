/** Writes a text as a SQL literal (SQLite: quotes are doubled, nothing else is special). Throws on control characters. */
export function quoteText(value: string): string {
  if (/\p{Cc}/u.test(value))
    throw new RangeError("A text for the database must not have control characters.");
  return `'${value.replaceAll("'", "''")}'`;
}
