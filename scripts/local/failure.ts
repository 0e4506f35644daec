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
 * Prints a failure and returns the exit code 1. An expected failure, and a flag that there is not, is two lines; anything
 * else keeps its stack, because then the fault is in the script.
 */
export function reportFailure(failure: unknown): 1 {
  if (isWrongFlag(failure)) {
    // What follows in Node's text is about arguments that begin with a dash.
    console.error(`\n✗ ${failure.message.split(". ")[0]}.\n  See what there is with --help.`);
  } else if (failure instanceof CommandFailure) {
    console.error(`\n✗ ${failure.message}\n  ${failure.advice}`);
    if (failure.cause !== undefined) console.error(`  Cause: ${describeCause(failure.cause)}`);
  } else {
    console.error(failure);
  }
  return 1;
}

/** Whether `parseArgs` of `node:util` threw it, for what somebody typed. */
function isWrongFlag(failure: unknown): failure is Error {
  return failure instanceof Error && "code" in failure && String(failure.code).startsWith("ERR_PARSE_ARGS_");
}

function describeCause(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
