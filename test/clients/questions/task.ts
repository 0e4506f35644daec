import type { Answer, Databases, TaskClient } from "./open-clients.ts";

/** A question of a person, with the calls that answer it and the expected facts. */
export interface Task {
  ask: string;
  solve(desk: Desk): Promise<void>;
}

/** The tools of a task. */
export interface Desk {
  client: TaskClient;
  lane: string;
  /** Calls a tool that must succeed, and returns its structured answer. */
  call(tool: string, args?: Record<string, unknown>): Promise<Answer["data"]>;
  /** Rows read directly from a database: the facts to compare an answer with. */
  rows(database: keyof Databases, sql: string, ...values: unknown[]): Promise<Row[]>;
}

/** One row of a database. */
export type Row = Record<string, ReturnType<typeof JSON.parse>>;

const DAY_MS = 24 * 60 * 60_000;

/** The UTC day `days` ago, `YYYY-MM-DD`. */
export function dayAgo(days: number): string {
  return new Date(Date.now() - days * DAY_MS).toISOString().slice(0, 10);
}

/** First and last day of the complete week (Monday to Sunday, UTC) `weeks` ago. */
export function weekAgo(weeks: number): [first: string, last: string] {
  const sinceMonday = (new Date().getUTCDay() + 6) % 7;
  return [dayAgo(sinceMonday + 7 * weeks), dayAgo(sinceMonday + 7 * weeks - 6)];
}

/** First and last day of the calendar month `months` ago. */
export function monthAgo(months: number): [first: string, last: string] {
  const now = new Date();
  const day = (month: number, date: number) =>
    new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + month, date)).toISOString().slice(0, 10);
  return [day(-months, 1), day(-months + 1, 0)];
}

/** Converts a table with column names to objects. */
export function toRecords({ columns, rows }: { columns: string[]; rows: unknown[][] }): Row[] {
  return rows.map((row) => Object.fromEntries(columns.map((name, index) => [name, row[index]])));
}
