/** Input of a customer's health. */
export interface HealthSigns {
  /** Days since the last call, meeting, e-mail or note; `null` without any. */
  daysSinceContact: number | null;
  openDeals: number;
  /** Open deals whose expected close lies in the past. */
  lateDeals: number;
  overdueTasks: number;
}

/** Health of a customer relationship. */
export type HealthStatus = "good" | "watch" | "at_risk" | "dormant";

/** A status and its reasons. */
export interface Health {
  status: HealthStatus;
  reasons: string[];
}

const QUIET_DAYS = 14;
const SILENT_DAYS = 30;
const DORMANT_DAYS = 90;

/**
 * Rates a customer by plain rules that a sales person can check by hand. `at_risk`: open business and a month
 * of silence. `watch`: late deals, overdue tasks or two quiet weeks. `dormant`: nothing open and three silent
 * months.
 */
export function assessHealth(signs: HealthSigns): Health {
  const { daysSinceContact: days, openDeals, lateDeals, overdueTasks } = signs;
  const silence = days === null ? "No contact is on record" : `Last contact ${describeAge(days)}`;
  const isSilentFor = (limit: number) => days === null || days > limit;

  if (openDeals === 0 && isSilentFor(DORMANT_DAYS)) {
    return { status: "dormant", reasons: [`${silence} and no deal is open.`] };
  }
  const reasons: string[] = [];
  const atRisk = openDeals > 0 && isSilentFor(SILENT_DAYS);
  if (atRisk) reasons.push(`${silence} with ${count(openDeals, "open deal")}.`);
  else if (openDeals > 0 && isSilentFor(QUIET_DAYS)) reasons.push(`${silence}.`);
  if (lateDeals > 0) reasons.push(`${count(lateDeals, "open deal")} past the expected close date.`);
  if (overdueTasks > 0) reasons.push(`${count(overdueTasks, "overdue task")}.`);
  if (reasons.length > 0) return { status: atRisk ? "at_risk" : "watch", reasons };
  return { status: "good", reasons: [`${silence}; nothing is overdue.`] };
}

function describeAge(days: number): string {
  return days < 1 ? "today" : `${count(days, "day")} ago`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
