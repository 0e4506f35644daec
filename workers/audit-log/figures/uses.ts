import { type Dimension, GRAINS } from "./grains.ts";

/** SQL: the beginning of the first day whose counts by person and by app are hours only. */
export const DAYS_UNTIL = "(SELECT until FROM figure_days)";

/**
 * SQL: who or what a row of `use` counts: its member is `<user id> <client id>`, and the user id is empty for a person who was
 * erased. Ids have no blank.
 */
const PART = {
  person: "substr(member, 1, instr(member, ' ') - 1)",
  app: "substr(member, instr(member, ' ') + 1)",
} as const;

/** Dimensions that are sums of `use`. */
export type UseDimension = keyof typeof PART;

/** Whether counts of a dimension are read from {@link usesOf}. */
export function isUse(dimension: Dimension): dimension is UseDimension {
  return dimension in PART;
}

type Bounds = readonly [from: string, to: string];

/** SQL: the counts of `use` of the hours from `from` to before `to`, by person or by app, with `columns`. */
export function hoursOf(dimension: UseDimension, [from, to]: Bounds, columns: string): string {
  const isNamed = dimension === "person" ? "AND substr(member, 1, 1) <> ' '" : "";
  return `
    SELECT at, ${PART[dimension]} AS member, ${columns} FROM call_figure
     WHERE grain = ${GRAINS.hour} AND dimension = 'use' AND at >= ${from} AND at < ${to} ${isNamed}`;
}

/**
 * SQL: the counts of a dimension by hour or day, from `from` to before `to`, with `columns`. Several rows of one member add up.
 * Rows of `dimension` itself are those of days that are over, and hours that an earlier version has written.
 */
export function usesOf(dimension: UseDimension, grain: string, [from, to]: Bounds, columns: string): string {
  const isDay = `${grain} = ${GRAINS.day}`;
  return `
    SELECT at, member, ${columns} FROM call_figure
     WHERE grain = ${grain} AND dimension = '${dimension}' AND at >= ${from} AND at < ${to}
    UNION ALL ${hoursOf(dimension, [`iif(${isDay}, max(${from}, ${DAYS_UNTIL}), ${from})`, to], columns)}`;
}
