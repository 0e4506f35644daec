import { compileHours, hoursSchema } from "../hours.ts";
import { defineCondition, denyUnless } from "./condition.ts";

/** Time of day and day of the week of a call. */
export const hours = defineCondition({
  schema: hoursSchema.describe("The time of day at which the call may happen."),
  compile(window) {
    const isWithin = compileHours(window);
    return { ...denyUnless(({ at }) => isWithin(at)), readsTime: true };
  },
});
