import { clearTallies, sumTallies, writeTally } from "./check/tally.ts";
import { command, runScript, type Script } from "./local/command-line.ts";
import { reportFailure } from "./local/failure.ts";

// Used by .ci/run: `clear` deletes earlier counts, `passed <name>` and `failed <name>` add one, `sum` prints
// the last line of the run and exits with 1 after any failure.
const COUNT: Script = {
  name: "count",
  help: "Use: count.ts clear | passed <name> | failed <name> | sum",
  commands: {
    clear: command({ takes: {} }, clearTallies),
    passed: command({ takes: {}, words: ["[name]"] }, async (_, [name = "run"]) => {
      await writeTally(name, { passed: 1, failed: 0 });
    }),
    failed: command({ takes: {}, words: ["[name]"] }, async (_, [name = "run"]) => {
      await writeTally(name, { passed: 0, failed: 1 });
    }),
    sum: command({ takes: {} }, async () => {
      const { passed, failed } = await sumTallies();
      console.log(`${passed} passed, ${failed} failed`);
      process.exitCode = failed > 0 ? 1 : 0;
    }),
  },
};

try {
  await runScript(COUNT);
} catch (failure) {
  process.exitCode = reportFailure(failure);
}
