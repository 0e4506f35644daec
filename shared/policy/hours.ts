import { z } from "zod";

const clock = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, "must be a time of day such as 08:30");

/** A time of day in a time zone, on some days of the week. */
export const hoursSchema = z.strictObject({
  from: clock.describe("First minute, for example 08:00."),
  to: clock.describe("End, not included. Earlier than `from` means: over midnight."),
  time_zone: z
    .string()
    .refine(isTimeZone, "must be an IANA time zone such as Europe/Berlin")
    .describe("IANA time zone."),
  days: z
    .array(z.enum(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]))
    .min(1)
    .optional()
    .describe("Days of the week on which the call falls; every day when left out."),
});

type HoursDocument = z.output<typeof hoursSchema>;

/**
 * Compiles a time of day to a test of a time (milliseconds since 1970). `from` is inclusive, `to` exclusive.
 * A window that ends before it begins spans midnight and belongs to the day on which it began. Equal ends
 * mean the whole day. Daylight saving time follows the time zone.
 */
export function compileHours({ from, to, time_zone, days }: HoursDocument): (at: number) => boolean {
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone: time_zone,
    weekday: "short",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  const start = toMinutes(from);
  const end = toMinutes(to);
  const counts = (day: number) => days === undefined || days.some((name) => DAYS.indexOf(name) === day);
  return (at) => {
    const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]));
    const minute = toMinutes(`${parts.hour}:${parts.minute}`);
    const today = DAYS.indexOf(String(parts.weekday).toLowerCase());
    if (start < end) return minute >= start && minute < end && counts(today);
    return minute >= start ? counts(today) : minute < end && counts((today + 6) % 7);
  };
}

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

function toMinutes(clock: string): number {
  const [hour = 0, minute = 0] = clock.split(":").map(Number);
  return hour * 60 + minute;
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
