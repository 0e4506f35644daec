import type { JudgeStatement } from "./statement.ts";

/** The judges of each dialect, with their parser loaded on first use. */
const JUDGES = {
  postgresql: async () => (await import("./postgresql/judge.ts")).judgePostgresql,
  mysql: async () => (await import("./mysql/judge.ts")).judgeMysql,
  oracle: async () => (await import("./oracle/judge.ts")).judgeOracle,
  clickhouse: async () => (await import("./clickhouse/judge.ts")).judgeClickhouse,
} satisfies Record<string, () => Promise<JudgeStatement>>;

/** The judge of an SQL dialect. */
export function judgeOf(kind: keyof typeof JUDGES): Promise<JudgeStatement> {
  return JUDGES[kind]();
}
