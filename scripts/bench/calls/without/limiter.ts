import type * as original from "../../../../workers/principal/limiter.ts";

/** Lets everything through and counts nothing. */
export class Limiter implements Pick<original.Limiter, keyof original.Limiter> {
  take(): null {
    return null;
  }

  release(): void {}
}
