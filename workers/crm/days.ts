const DAY = 86_400_000;

/** Whole days from an ISO time or day until `now`; negative when it lies ahead. */
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
