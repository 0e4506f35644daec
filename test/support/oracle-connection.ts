import type { OracleConnection, OracleLink, OracleRows } from "../../workers/connections/oracle/driver.ts";

/** What the double answers to a statement: rows by their columns, or an error as the driver throws it. */
export type OracleAnswer = readonly Readonly<Record<string, unknown>>[] | Error | { rowsAffected: number };

/** A statement that the double was given, with what the session says at that moment. */
export interface AskedOracle {
  sql: string;
  binds: unknown;
  clientId: string;
  schema: string;
  callTimeout: number;
}

/** An error as node-oracledb throws it. */
export function oracleError(text: string): Error {
  return new Error(`${text}\nHelp: https://docs.oracle.com/error-help/host-17.internal`);
}

/**
 * A double of the driver's connection, which behaves as its documentation says: results are fetched in batches, what
 * says who calls goes along with each statement. It has no server: no SQL is run.
 */
export class OracleDouble {
  readonly asked: AskedOracle[] = [];
  readonly ended: string[] = [];
  failureOfCommit: Error | null = null;
  fetches = 0;
  destroyed = false;
  broken = 0;
  /** The socket below it. */
  readonly wire = {
    isOver: false,
    allow: () => {},
    destroy: () => {
      this.destroyed = true;
    },
  };
  readonly #answers: readonly (readonly [RegExp, OracleAnswer])[];

  /** @param answers - the first whose pattern a statement fits; without one it gives no rows */
  constructor(answers: readonly (readonly [RegExp, OracleAnswer])[]) {
    this.#answers = answers;
  }

  readonly link = (): OracleLink => {
    const double = this;
    const connection: OracleConnection = {
      callTimeout: 0,
      clientId: "",
      clientInfo: "",
      module: "",
      action: "",
      currentSchema: "",
      oracleServerVersionString: "19.3.0.0.0",
      async execute(sql, binds) {
        double.asked.push({
          sql,
          binds,
          clientId: this.clientId,
          schema: this.currentSchema,
          callTimeout: this.callTimeout,
        });
        const [, answer] = double.#answers.find(([pattern]) => pattern.test(sql)) ?? [];
        if (answer instanceof Error) throw answer;
        if (answer !== undefined && "rowsAffected" in answer) return answer;
        return {
          resultSet: double.#open((answer ?? []) as Readonly<Record<string, unknown>>[]),
          rowsAffected: 0,
        };
      },
      async commit() {
        double.ended.push("commit");
        if (double.failureOfCommit !== null) throw double.failureOfCommit;
      },
      async rollback() {
        double.ended.push("rollback");
      },
      async break() {
        double.broken += 1;
      },
      isHealthy: () => !double.destroyed,
    };
    return { connection, wire: this.wire, reading: { resultSet: true } };
  };

  #open(rows: readonly Readonly<Record<string, unknown>>[]): OracleRows {
    let at = 0;
    const names = Object.keys(rows[0] ?? {});
    return {
      metaData: names.map((name) => ({
        name,
        dbTypeName: typeof rows[0]?.[name] === "number" ? "NUMBER" : "VARCHAR2",
      })),
      getRows: async (count) => {
        this.fetches += 1;
        const batch = rows.slice(at, at + count).map((row) => names.map((name) => row[name]));
        at += count;
        return batch;
      },
      close: async () => {},
    };
  }
}
