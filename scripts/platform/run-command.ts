import { runScript, type Script } from "../local/command-line.ts";
import { reportFailure } from "../local/failure.ts";
import { endWithReader } from "../local/output.ts";
import { advise } from "../policy/advice.ts";
import { closeDatabases } from "./database.ts";
import { forgetSegments } from "./fetch-segments.ts";

/** Runs an administrator's command: reports a failure, sets the exit code, and closes the databases. */
export async function runCommands(script: Script): Promise<void> {
  endWithReader();
  try {
    await runScript(script);
  } catch (failure) {
    process.exitCode = reportFailure(advise(failure));
  } finally {
    await closeDatabases();
    await forgetSegments();
  }
}
