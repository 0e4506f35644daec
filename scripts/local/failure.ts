/** A failure of a command with a text for the person in front of it: what is wrong, then what to do. */
export class CommandFailure extends Error {
  readonly advice: string;

  constructor(message: string, advice: string, cause?: unknown) {
    super(message, { cause });
    this.name = "CommandFailure";
    this.advice = advice;
  }
}

/**
 * Prints a failure and returns the exit code 1. An expected failure is two lines; anything else keeps its stack,
 * because then the fault is in the script.
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
