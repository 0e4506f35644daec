import path from "node:path";
import { takeBackup } from "./backup/take-backup.ts";
import { command, runScript } from "./local/command-line.ts";
import { CommandFailure, reportFailure } from "./local/failure.ts";
import { takeStateFolder } from "./local/lock.ts";
import { ROOT } from "./local/root.ts";
import { requireStorage } from "./local/storage.ts";

const HELP = `Copies everything that Gatehouse stores on this machine into a folder: the four databases, the storage of
every object, KV and R2. Gatehouse must not run meanwhile. Deployments: docs/backup.md.

  npm run backup -- <folder>                  an empty or new folder
  npm run backup -- <folder> --state <folder> local storage elsewhere, as with npm start
`;

/** `npm run backup`. */
export const BACKUP = {
  name: "backup",
  help: HELP,
  commands: {
    "": command(
      { takes: { state: { type: "string" } }, words: ["<folder>"] },
      async ({ state }, [target]) => {
        if (target === undefined)
          throw new CommandFailure(
            "Name the folder to copy to.",
            "For the options: npm run backup -- --help",
          );
        await run(path.resolve(target), state);
      },
    ),
  },
};

if (import.meta.main) {
  try {
    await runScript(BACKUP);
  } catch (failure) {
    process.exitCode = reportFailure(failure);
  }
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
