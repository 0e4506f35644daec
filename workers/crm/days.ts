const DAY = 86_400_000;

/** Whole days from an ISO time or day until `now`; negative for the future. */
export function countDaysSince(iso: string, now: Date): number {
  return Math.floor((now.getTime() - Date.parse(iso)) / DAY);
}

/** The ISO time `days` before `now`. */
export function subtractDays(now: Date, days: number): string {
  return new Date(now.getTime() - days * DAY).toISOString();
}

/** The day of a time in UTC, `YYYY-MM-DD`. */
export function toDay(time: Date | string): string {
  return (typeof time === "string" ? time : time.toISOString()).slice(0, 10);
}

/** Adds months to a month; both as `YYYY-MM`. */
export function addMonths(month: string, count: number): string {
  const [year = 0, number = 1] = month.split("-").map(Number);
  return new Date(Date.UTC(year, number - 1 + count, 1)).toISOString().slice(0, 7);
}

/** A month or a quarter, with its first and last day. */
export interface Period {
  name: string;
  from: string;
  to: string;
}

/**
 * Parses `2026-Q4`, `Q4 2026`, `Q4`, `2026-11`, and `this_`, `next_` or `last_` with `month` or `quarter`.
 * `undefined` for anything else. Quarters are calendar quarters.
 */
export function readPeriod(text: string, now: Date): Period | undefined {
  const words = text
    .trim()
    .toLowerCase()
    .replace(/[\s-]+/g, "_");
  const thisMonth = toDay(now).slice(0, 7);
  const quarterStart = (month: string) => addMonths(month, -((Number(month.slice(5)) - 1) % 3));
  const [, which, unit] = /^(this|next|last|current|previous)_(month|quarter)$/.exec(words) ?? [];
  if (which !== undefined && unit !== undefined) {
    const step =
      (unit === "month" ? 1 : 3) * (which === "next" ? 1 : /^(?:last|previous)$/.test(which) ? -1 : 0);
    return unit === "month"
      ? toPeriod(addMonths(thisMonth, step), 1)
      : toPeriod(addMonths(quarterStart(thisMonth), step), 3);
  }
  const quarter = /^(?:(\d{4})_?q([1-4])|q([1-4])(?:_?(\d{4}))?)$/.exec(words);
  if (quarter) {
    const year = quarter[1] ?? quarter[4] ?? thisMonth.slice(0, 4);
    const number = Number(quarter[2] ?? quarter[3]);
    return toPeriod(`${year}-${String(number * 3 - 2).padStart(2, "0")}`, 3);
  }
  const month = /^(\d{4})_(0[1-9]|1[0-2])$/.exec(words);
  return month ? toPeriod(`${month[1]}-${month[2]}`, 1) : undefined;
}

function toPeriod(first: string, months: 1 | 3): Period {
  const after = Date.parse(`${addMonths(first, months)}-01T00:00:00Z`);
  const quarter = `${first.slice(0, 4)}-Q${Math.ceil(Number(first.slice(5)) / 3)}`;
  return {
    name: months === 1 ? first : quarter,
    from: `${first}-01`,
    to: toDay(new Date(after - DAY)),
  };
}
