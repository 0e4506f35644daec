import { clearTallies, sumTallies, writeTally } from "./check/tally.ts";

// Used by .ci/run: `clear` deletes earlier counts, `passed <name>` and `failed <name>` add one, `sum` prints
// the last line of the run and exits with 1 after any failure.
const [command, name = "run"] = process.argv.slice(2);
switch (command) {
  case "clear":
    await clearTallies();
    break;
  case "passed":
    await writeTally(name, { passed: 1, failed: 0 });
    break;
  case "failed":
    await writeTally(name, { passed: 0, failed: 1 });
    break;
  case "sum": {
    const { passed, failed } = await sumTallies();
    console.log(`${passed} passed, ${failed} failed`);
    process.exitCode = failed > 0 ? 1 : 0;
    break;
  }
  default:
    console.error("Use: count.ts clear | passed <name> | failed <name> | sum");
    process.exitCode = 1;
}
