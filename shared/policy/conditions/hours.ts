import { compileHours, hoursSchema } from "../hours.ts";
import { defineCondition, denyUnless } from "./condition.ts";

/** The time of day and the day of the week at which a call happens. */
export const hours = defineCondition({
  schema: hoursSchema.describe("The time of day at which the call may happen."),
  compile(window) {
    const isWithin = compileHours(window);
    return denyUnless(({ at }) => isWithin(at));
  },
});
