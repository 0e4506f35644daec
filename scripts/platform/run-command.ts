import { runScript, type Script } from "../local/command-line.ts";
import { reportFailure } from "../local/failure.ts";
import { endWithReader } from "../local/output.ts";
import { advise } from "../policy/advice.ts";
import { closeDatabases } from "./database.ts";
import { forgetSegments } from "./fetch-segments.ts";

/** Runs an administrator's command as this process: ends with the reader of its output, see {@link carryOut}. */
export async function runCommands(script: Script): Promise<void> {
  endWithReader();
  await carryOut(script, process.argv.slice(2));
}

/** Runs the command that the arguments name: reports a failure, sets the exit code, and closes the databases. */
export async function carryOut(script: Script, args: readonly string[]): Promise<void> {
  try {
    await runScript(script, args);
  } catch (failure) {
    process.exitCode = reportFailure(advise(failure));
  } finally {
    await closeDatabases();
    await forgetSegments();
  }
}
