import path from "node:path";
import { readBackup } from "./backup/manifest.ts";
import { PARTS, type Part, putBack } from "./backup/put-back.ts";
import { command, runScript } from "./local/command-line.ts";
import { CommandFailure, reportFailure } from "./local/failure.ts";
import { takeStateFolder } from "./local/lock.ts";
import { ROOT } from "./local/root.ts";

const HELP = `Puts a backup in the place of what Gatehouse stores on this machine. Gatehouse must not run meanwhile. Every file
is compared with the backup's own list before anything is changed. Deployments: docs/backup.md.

  npm run restore -- <folder>                    everything
  npm run restore -- <folder> --only databases   also objects, kv, media; more than one with commas
  npm run restore -- <folder> --state <folder>   local storage elsewhere, as with npm start

After the databases alone, records of the trail that the objects had handed over since are missing:
npm run -s audit -- export, then verify, names them.
`;

const SEE_HELP = "For the options: npm run restore -- --help";

/** `npm run restore`. */
export const RESTORE = {
  name: "restore",
  help: HELP,
  commands: {
    "": command(
      { takes: { only: { type: "string" }, state: { type: "string" } }, words: ["<folder>"] },
      async ({ only, state }, [backup]) => {
        if (backup === undefined) throw new CommandFailure("Name the folder of the backup.", SEE_HELP);
        await run(path.resolve(backup), readParts(only), state);
      },
    ),
  },
};

if (import.meta.main) {
  try {
    await runScript(RESTORE);
  } catch (failure) {
    process.exitCode = reportFailure(failure);
  }
}

async function run(backup: string, only: readonly Part[] | null, state: string | undefined): Promise<void> {
  const manifest = await readBackup(backup);
  const stateFolder = path.resolve(ROOT, state ?? ".wrangler/state");
  const giveBack = takeStateFolder(stateFolder, "Stop it first.");
  try {
    const folders = await putBack(backup, manifest, path.join(stateFolder, "v3"), only);
    console.log(`${folders.join(", ")} are as they were at ${manifest.at}.`);
  } finally {
    giveBack();
  }
}

function readParts(text: string | undefined): Part[] | null {
  if (text === undefined) return null;
  return text.split(",").map((name) => {
    const part = name.trim();
    if (Object.hasOwn(PARTS, part)) return part as Part;
    throw new CommandFailure(`There is no part ${JSON.stringify(part)}.`, SEE_HELP);
  });
}
