import { quoteText } from "../encoding/quote-text.ts";
import { idOfUser } from "./statements.ts";

/** Tries after which a request waits for an administrator; its outcome names the failure. */
export const MOST_TRIES = 20;

/**
 * SQL: requests an action of the Worker on a user, or without one (`null`). `unless` is a condition in SQL.
 */
export function askFor(
  kind: "data_export" | "erasure" | "redrive",
  user: string | null,
  by: string,
  mark: string,
  unless = "0",
): string {
  const id = user === null ? "NULL" : idOfUser(user);
  return `INSERT INTO admin_request (kind, user_id, detail, by, at, mark) SELECT ${quoteText(kind)}, ${id}, ${quoteText(mark)}, ${quoteText(by)}, unixepoch() * 1000, ${quoteText(mark)} ->> '$.asked' WHERE NOT (${unless});`;
}
