import type { ConnectionAttempt } from "../../../shared/audit/record.ts";

/** What is wrong with the other side's OAuth, in our words. Apart, so that it loads without the library. */
export class OAuthFault extends Error {
  /** Set if it is more than a fault: what was tried. */
  readonly attempt: ConnectionAttempt | undefined;

  constructor(message: string, options: { attempt?: ConnectionAttempt; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.attempt = options.attempt;
  }
}
