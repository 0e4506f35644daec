import type { JudgeStatement } from "./statement.ts";

/** The judge of an SQL dialect, with its parser loaded on first use. */
export async function judgeOf(kind: "postgresql" | "mysql"): Promise<JudgeStatement> {
  return kind === "postgresql"
    ? (await import("./postgresql/judge.ts")).judgePostgresql
    : (await import("./mysql/judge.ts")).judgeMysql;
}
