import { stat } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { MAX_SLUG_LENGTH, makeSlug } from "../workers/knowledge/markdown/make-slug.ts";
import { type ImportCounts, importFolder } from "./knowledge/import-folder.ts";
import { openLocalDatabases } from "./local/databases.ts";
import { CommandFailure, reportFailure } from "./local/failure.ts";
import { takeStateFolder } from "./local/lock.ts";
import { ROOT } from "./local/project.ts";

const HELP = `Imports a folder of Markdown files into the knowledge base of this machine.

  npm run kb:import -- <folder>                       into a collection named after the folder
  npm run kb:import -- <folder> --collection handbook into this collection; it is created when it is new
  npm run kb:import -- <folder> --overwrite           also where people changed an article since the last import
  npm run kb:import -- <folder> --state <folder>      the storage that npm start -- --state uses

A file is known by its path in the folder: importing again adds what is new, writes a new version of what
changed, and leaves the rest alone. Title and tags are read from front matter. Nothing is ever deleted.
`;

process.env.WRANGLER_SEND_METRICS = "false";
process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";

try {
  await run();
} catch (failure) {
  process.exitCode = reportFailure(failure);
}

async function run(): Promise<void> {
  const { folder, collection, overwrite, stateFolder, help } = readArguments();
  if (help) {
    console.log(HELP);
    return;
  }
  await requireFolder(folder);
  const release = takeStateFolder(stateFolder);
  const databases = await openLocalDatabases(stateFolder);
  try {
    const db = databases.all.find(({ binding }) => binding === "KNOWLEDGE_DB")?.connection;
    if (!db || !(await isMigrated(db))) {
      throw new CommandFailure(
        "The knowledge base is not set up on this machine yet.",
        "Run npm start once, then import.",
      );
    }
    const counts = await importFolder(db, {
      folder,
      collection,
      overwrite,
      author: { id: "kb-import", name: "Import" },
      now: new Date(),
      onSkip: (file, reason) => console.log(`  left out ${file}: ${reason}`),
    });
    console.log(describeCounts(counts, collection.slug));
  } finally {
    await databases.close();
    release();
  }
}

function readArguments() {
  const { values, positionals } = parseOptions();
  if (values.env !== "local") {
    throw new CommandFailure(
      `Importing into "${values.env}" is not possible: this command writes to the storage of this machine only.`,
      "In a deployed Gatehouse, add articles with the tool knowledge_save_article.",
    );
  }
  const [folder, ...rest] = positionals;
  const help = values.help || folder === undefined;
  if (rest.length > 0) throw new CommandFailure("More than one folder was named.", "Import them one by one.");
  const absolute = path.resolve(folder ?? ".");
  const title = values.collection ?? path.basename(absolute);
  const slug = makeSlug(title, "imported", MAX_SLUG_LENGTH);
  if (values.collection !== undefined && slug !== values.collection) {
    throw new CommandFailure(
      `"${values.collection}" is no name for a collection.`,
      `Use lower-case letters, digits and hyphens, such as "${slug}".`,
    );
  }
  return {
    folder: absolute,
    collection: { slug, title: title.charAt(0).toUpperCase() + title.slice(1).replace(/[-_]+/g, " ") },
    overwrite: values.overwrite,
    stateFolder: path.resolve(values.state ?? path.join(ROOT, ".wrangler/state")),
    help,
  };
}

function parseOptions() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        collection: { type: "string" },
        overwrite: { type: "boolean", default: false },
        state: { type: "string" },
        env: { type: "string", default: "local" },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    throw new CommandFailure(
      error instanceof Error ? error.message : String(error),
      "See what there is: npm run kb:import -- --help",
    );
  }
}

async function requireFolder(folder: string): Promise<void> {
  const found = await stat(folder).catch(() => undefined);
  if (!found?.isDirectory()) {
    throw new CommandFailure(
      `There is no folder ${folder}.`,
      "Name a folder with Markdown files (.md, .mdx, .markdown).",
    );
  }
}

async function isMigrated(db: D1Database): Promise<boolean> {
  const table = await db.prepare("SELECT 1 AS found FROM sqlite_master WHERE name = 'articles'").first();
  return table !== null;
}

function describeCounts(counts: ImportCounts, collection: string): string {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  if (total === 0) return "The folder holds no Markdown files (.md, .mdx, .markdown).";
  const parts = [
    `${counts.created} new`,
    `${counts.updated} updated`,
    `${counts.unchanged} unchanged`,
    ...(counts.edited > 0 ? [`${counts.edited} left alone (--overwrite replaces them)`] : []),
    ...(counts.skipped > 0 ? [`${counts.skipped} left out`] : []),
  ];
  return `Collection ${collection}: ${parts.join(", ")}.`;
}
