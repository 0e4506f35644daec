import { text } from "node:stream/consumers";
import { connectAsPerson } from "./connect/sign-in.ts";
import type { ImportCounts, ImportDestination } from "./knowledge/destination.ts";
import { IMPORT_OPTIONS, type ImportArguments, readImportArguments } from "./knowledge/import-arguments.ts";
import { type FolderImport, importFolder } from "./knowledge/import-folder.ts";
import { readMediaFile } from "./knowledge/link-media.ts";
import { openLocalDestination } from "./knowledge/local-destination.ts";
import { withPastedText } from "./knowledge/pasted-text.ts";
import { openRemoteDestination } from "./knowledge/remote-destination.ts";
import { command, runScript } from "./local/command-line.ts";
import { openLocalDatabases } from "./local/databases.ts";
import { CommandFailure, reportFailure } from "./local/failure.ts";
import { takeStateFolder } from "./local/lock.ts";
import { endWithReader } from "./local/output.ts";
import { findServer } from "./local/running-server.ts";
import { requireStorage } from "./local/storage.ts";

const HELP = `Imports documents into a knowledge base: Markdown, plain text, HTML and PDF. Without --env or --url
that is the storage of this machine.

  npm run kb:import -- <folder>                        all documents below it, into a collection with its name
  npm run kb:import -- <file> --collection handbook    one document, or one picture or recording
  npm run kb:import -- - --title "Parking"             pasted text: Markdown until the end of input (Ctrl+D)
  npm run kb:import -- <folder> --collection handbook  into this collection; it is created when it is new
  npm run kb:import -- <folder> --readers sales,support   who may read a new collection; "everybody": all roles
  npm run kb:import -- <folder> --overwrite            also where people changed an article since the last import
  npm run kb:import -- <folder> --state <folder>       the storage that npm start -- --state uses
  npm run kb:import -- <folder> --env production       a deployed Gatehouse; you sign in there, with your role and limits
  npm run kb:import -- <folder> --url https://…        the same, by its address

A new collection is open to administrators, or to the role of the person who signs in, and to the roles that --readers
names; knowledge_share_collection changes that later.

A file is known by its path in the folder: importing again adds what is new, writes a new version of what changed, and
leaves the rest alone, also after an import that ended in the middle. A text that another file of the collection has
already is left out. Title and tags are read from front matter, or from the page or PDF. Pictures and recordings that a
document links to are kept with it. A file that fails is named, and the others go on. Nothing is ever deleted.
`;
const AUTHOR = { id: "kb-import", name: "Import" };
/** Milliseconds between two lines of progress. */
const PROGRESS_MS = 2_000;

/** `npm run kb:import`. */
export const KB_IMPORT = {
  name: "kb:import",
  help: HELP,
  commands: {
    "": command({ takes: IMPORT_OPTIONS, words: ["<folder, file or ->"] }, async (flags, [place]) => {
      const wanted = await readImportArguments(flags, place);
      if (wanted.url === undefined) await importHere(wanted);
      else await importThere(wanted, wanted.url);
    }),
  },
};

if (import.meta.main) {
  process.env.WRANGLER_SEND_METRICS = "false";
  process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";
  endWithReader();
  try {
    await runScript(KB_IMPORT);
  } catch (failure) {
    process.exitCode = reportFailure(failure);
  }
}

/** Imports into the storage of this machine. */
async function importHere(wanted: ImportArguments): Promise<void> {
  requireStorage(wanted.stateFolder);
  const release = takeStateFolder(
    wanted.stateFolder,
    `Stop it first, or import through it: --url ${findServer(wanted.stateFolder) ?? "<its address>"}.`,
  );
  const databases = await openLocalDatabases(wanted.stateFolder);
  try {
    const db = databases.all.find(({ binding }) => binding === "KNOWLEDGE_DB")?.connection;
    if (!db || !(await isMigrated(db))) {
      throw new CommandFailure(
        "The knowledge base is not set up on this machine yet, or not for this release.",
        "Run npm start once, then import.",
      );
    }
    const home = { db, bucket: databases.media, author: AUTHOR, now: new Date() };
    await importWanted(await openLocalDestination({ ...home, ...wanted }), wanted);
  } finally {
    await databases.close();
    release();
  }
}

/** Imports into a running Gatehouse, as the user who signs in. */
async function importThere(wanted: ImportArguments, url: URL): Promise<void> {
  const say = (line: string) => console.log(line);
  const scopes = ["knowledge:read", "knowledge:write"];
  const asking = { name: "Gatehouse import", scopes, purpose: "to allow the import" };
  const client = await connectAsPerson(url, asking, say);
  try {
    await importWanted(await openRemoteDestination(client, { ...wanted, say }), wanted);
  } finally {
    await client.close();
  }
}

async function importWanted(destination: ImportDestination, wanted: ImportArguments): Promise<void> {
  const { source, collection } = wanted;
  if (source.kind === "media") {
    const read = await readMediaFile(source.path);
    const kept =
      "refused" in read ? read : await destination.keepMedia?.({ title: wanted.title, bytes: read.bytes });
    if (kept === undefined || "refused" in kept) {
      throw new CommandFailure(
        `${source.path} was not stored.`,
        kept?.refused ?? "The destination stores no media.",
      );
    }
    console.log(`Stored: ${kept.url}`);
    return;
  }
  const common = {
    onSkip: (file: string, reason: string) => console.log(`  ${file}: ${reason}`),
    onProgress: reportProgress(),
  };
  const counts = await (source.kind === "pasted"
    ? withPastedText(await text(process.stdin), wanted.title, (pasted) =>
        importFolder(destination, { ...common, ...pasted }),
      )
    : importFolder(destination, { ...common, folder: source.folder, files: source.files }));
  console.log(describeCounts(counts, collection.slug));
  if (counts.failed > 0) process.exitCode = 1;
}

/** Prints progress from time to time, so that a large import does not look stuck. */
function reportProgress(): NonNullable<FolderImport["onProgress"]> {
  let last = performance.now();
  return (done, total) => {
    if (performance.now() - last < PROGRESS_MS || done === total) return;
    last = performance.now();
    console.log(`  ${done} of ${total} files`);
  };
}

/** Whether the newest column exists. */
async function isMigrated(db: D1Database): Promise<boolean> {
  const column = await db
    .prepare("SELECT 1 AS found FROM pragma_table_info('passages') WHERE name = 'folded'")
    .first();
  return column !== null;
}

function describeCounts(counts: ImportCounts, collection: string): string {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  if (total === 0) return "Nothing was found to import: Markdown, text, HTML or PDF files.";
  const parts = [
    `${counts.created} new`,
    `${counts.updated} updated`,
    `${counts.unchanged} unchanged`,
    ...(counts.edited > 0 ? [`${counts.edited} left alone (--overwrite replaces them)`] : []),
    ...(counts.duplicate > 0 ? [`${counts.duplicate} with a text that is there already`] : []),
    ...(counts.skipped > 0 ? [`${counts.skipped} left out`] : []),
    ...(counts.failed > 0 ? [`${counts.failed} failed (import again to retry)`] : []),
  ];
  return `Collection ${collection}: ${parts.join(", ")}.`;
}
