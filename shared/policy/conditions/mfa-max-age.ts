import { z } from "zod";
import { FACTOR_TIME_UNKNOWN, isFresh, tellAge } from "../second-factor.ts";
import { defineCondition } from "./condition.ts";

/** Age of the second factor with which the user connected the app. */
export const mfaMaxAge = defineCondition({
  schema: z
    .int()
    .min(1)
    .max(43_200)
    .describe(
      "Minutes since the person last gave a second factor when they connected the app. Older, or none: refused until they reconnect it with one.",
    ),
  compile(minutes) {
    const maxFactorAgeMs = minutes * 60_000;
    return {
      maxFactorAgeMs,
      readsTime: true,
      test({ mfaAt, at }) {
        if (isFresh(mfaAt, maxFactorAgeMs, at)) return null;
        const has =
          mfaAt === null
            ? "this app was connected without one"
            : mfaAt === FACTOR_TIME_UNKNOWN
              ? "the one this app was connected with was given elsewhere, at a time that is not known"
              : `the one this app was connected with is ${tellAge(at - mfaAt)} old`;
        const reason = `This needs a second factor at most ${tellAge(maxFactorAgeMs)} old; ${has}.`;
        return { kind: "mfa", reason };
      },
    };
  },
});
