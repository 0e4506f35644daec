/** Days without an activity from which a deal is marked as cold. */
export const DAYS_COLD = 30;

/** An amount without cents: `$1,250,000`. */
export function writeAmount(amount: number, currency: string): string {
  return amount.toLocaleString("en-US", { style: "currency", currency, maximumFractionDigits: 0 });
}

/** A day for display: `5 Jan 2026`. */
export function writeDay(day: string): string {
  const time = new Date(`${day}T00:00:00Z`);
  if (Number.isNaN(time.getTime())) return day;
  return time.toLocaleDateString("en-GB", {
    day: "numeric",
    month: "short",
    year: "numeric",
    timeZone: "UTC",
  });
}

/** Whole days in words: `today`, `3 days ago`, or `for 3 days`. */
export function describeAge(days: number, form: "ago" | "for" = "ago"): string {
  if (days <= 0) return "today";
  const count = `${days.toLocaleString("en")} day${days === 1 ? "" : "s"}`;
  return form === "ago" ? `${count} ago` : `for ${count}`;
}
