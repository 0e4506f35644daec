import type { Answer, Databases, TaskClient } from "./open-clients.ts";

/** A question that a person asks, with the calls that answer it and the facts that must come out. */
export interface Task {
  ask: string;
  solve(desk: Desk): Promise<void>;
}

/** What a task works with. */
export interface Desk {
  client: TaskClient;
  lane: string;
  /** Calls a tool that must succeed, and gives its structured answer. */
  call(tool: string, args?: Record<string, unknown>): Promise<Answer["data"]>;
  /** Rows straight from a database: the facts that an answer is held against. */
  rows(database: keyof Databases, sql: string, ...values: unknown[]): Promise<Row[]>;
}

/** One row of a database. */
export type Row = Record<string, ReturnType<typeof JSON.parse>>;

const DAY_MS = 24 * 60 * 60_000;

/** The UTC day so many days ago, `YYYY-MM-DD`. */
export function dayAgo(days: number): string {
  return new Date(Date.now() - days * DAY_MS).toISOString().slice(0, 10);
}

/** First and last day of the complete week (Monday to Sunday, UTC) so many weeks ago. */
export function weekAgo(weeks: number): [first: string, last: string] {
  const sinceMonday = (new Date().getUTCDay() + 6) % 7;
  return [dayAgo(sinceMonday + 7 * weeks), dayAgo(sinceMonday + 7 * weeks - 6)];
}

/** First and last day of the calendar month so many months ago. */
export function monthAgo(months: number): [first: string, last: string] {
  const now = new Date();
  const day = (month: number, date: number) =>
    new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + month, date)).toISOString().slice(0, 10);
  return [day(-months, 1), day(-months + 1, 0)];
}

/** Reads a table that names its columns as objects. */
export function toRecords({ columns, rows }: { columns: string[]; rows: unknown[][] }): Row[] {
  return rows.map((row) => Object.fromEntries(columns.map((name, index) => [name, row[index]])));
}
