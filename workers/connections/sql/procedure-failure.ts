import { RefusedRequest } from "../connector.ts";

/** A statement that runs a procedure, after our note: CALL, or a block of PL/SQL. */
const RUNS_PROCEDURE = /^\s*(?:\/\*.*?\*\/\s*)*(?:call|begin|declare|exec)\b/is;

/**
 * The answer of a write. A procedure may end the transaction by itself and fail afterwards: what it has committed is not
 * undone, and the database does not say so. Rejects then with {@link RefusedRequest}.
 */
export async function orProcedureFailure<Answer>(sql: string, answer: Promise<Answer>): Promise<Answer> {
  try {
    return await answer;
  } catch (failure) {
    if (!RUNS_PROCEDURE.test(sql) || failure instanceof RefusedRequest) throw failure;
    throw new RefusedRequest({
      code: "outcome_unknown",
      message: "The procedure failed, and a part of its changes may be carried out.",
      action: "Look at the data before you repeat the call.",
    });
  }
}
