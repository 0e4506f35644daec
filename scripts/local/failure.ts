/** A failure of a command with a message for the user: the problem, then the remedy. */
export class CommandFailure extends Error {
  readonly advice: string;

  constructor(message: string, advice: string, cause?: unknown) {
    super(message, { cause });
    this.name = "CommandFailure";
    this.advice = advice;
  }
}

/**
 * Prints a failure and returns the exit code 1. An expected failure is two lines; anything else includes its
 * stack, because then the script is at fault.
 */
export function reportFailure(failure: unknown): 1 {
  if (failure instanceof CommandFailure) {
    console.error(`\n✗ ${failure.message}\n  ${failure.advice}`);
    if (failure.cause !== undefined) console.error(`  Cause: ${describeCause(failure.cause)}`);
  } else {
    console.error(failure);
  }
  return 1;
}

function describeCause(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
