import { RefusedRequest } from "../connector.ts";

/**
 * What stands in front of a statement's first word: space and comments. What MySQL and MariaDB run of a comment
 * (a comment that begins with `!`) is a part of the statement.
 */
const BEFORE = /^(?:\s+|(?:--|#)[^\n]*(?:\n|$)|\/\*M?!\d*|\/\*[\s\S]*?\*\/)+/;

/** Procedures, blocks of PL/SQL, and compound statements of MariaDB. */
const RUNS_PROCEDURE = /^(?:CALL|BEGIN|DECLARE|EXEC|EXECUTE|IF|CASE|LOOP|WHILE|REPEAT|FOR)$/;

/** The first word of a statement, in upper case. */
export function firstWordOf(sql: string): string {
  return (/^\w+/.exec(sql.replace(BEFORE, ""))?.[0] ?? "").toUpperCase();
}

/**
 * The answer of a write. A procedure may end the transaction by itself and fail afterwards, give too large an answer, or
 * outlast its caller: what it has committed is not undone, and the database does not say so. Rejects then with
 * {@link RefusedRequest}.
 *
 * @param isAnswered - whether the database answered with this failure; one that is away stays an outage
 */
export async function orProcedureFailure<Answer>(
  sql: string,
  isAnswered: (failure: unknown) => boolean,
  write: () => Promise<Answer>,
): Promise<Answer> {
  try {
    return await write();
  } catch (failure) {
    const isOurs = failure instanceof RefusedRequest;
    if (!RUNS_PROCEDURE.test(firstWordOf(sql)) || !(isOurs || isAnswered(failure))) throw failure;
    throw new RefusedRequest({
      code: "outcome_unknown",
      message: "The procedure failed, and a part of its changes may be carried out.",
      action: "Look at the data before you repeat the call.",
    });
  }
}
