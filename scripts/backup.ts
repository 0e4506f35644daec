import path from "node:path";
import { parseArgs } from "node:util";
import { takeBackup } from "./backup/take-backup.ts";
import { CommandFailure, reportFailure } from "./local/failure.ts";
import { takeStateFolder } from "./local/lock.ts";
import { ROOT } from "./local/root.ts";
import { requireStorage } from "./local/storage.ts";

const HELP = `Copies everything that Gatehouse stores on this machine into a folder: the four databases, the storage of
every object, KV and R2. Gatehouse must not run meanwhile. Deployments: docs/backup.md.

  npm run backup -- <folder>                  an empty or new folder
  npm run backup -- <folder> --state <folder> local storage elsewhere, as with npm start
`;

try {
  const { values, positionals } = readCommand();
  const [target] = positionals;
  if (values.help || target === undefined) console.log(HELP);
  else await run(path.resolve(target), values.state);
} catch (failure) {
  process.exitCode = reportFailure(failure);
}

async function run(target: string, state: string | undefined): Promise<void> {
  requireStorage(state);
  const stateFolder = path.resolve(ROOT, state ?? ".wrangler/state");
  const giveBack = takeStateFolder(stateFolder, "Stop it first: a backup is of one moment.");
  try {
    const { files } = await takeBackup(path.join(stateFolder, "v3"), target, new Date());
    const bytes = Object.values(files).reduce((sum, file) => sum + file.bytes, 0);
    console.log(`${Object.keys(files).length} files, ${Math.ceil(bytes / 1_000_000)} MB, in ${target}.`);
    console.log(`To go back to it: npm run restore -- ${target}`);
  } finally {
    giveBack();
  }
}

function readCommand() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: { state: { type: "string" }, help: { type: "boolean", short: "h", default: false } },
    });
  } catch (error) {
    throw new CommandFailure(
      error instanceof Error ? error.message : String(error),
      "For the options: npm run backup -- --help",
    );
  }
}
