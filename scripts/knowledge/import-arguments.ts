import { stat } from "node:fs/promises";
import path from "node:path";
import { MAX_SLUG_LENGTH, makeSlug } from "../../workers/knowledge/markdown/make-slug.ts";
import type { NewCollection } from "../../workers/knowledge/store/collections.ts";
import { refuseBoth, type Values } from "../local/command-line.ts";
import { CommandFailure } from "../local/failure.ts";
import { ENVIRONMENTS, type EnvironmentName, readEnvironment } from "../local/project.ts";
import { ROOT } from "../local/root.ts";
import { isDocument, isMedia } from "./list-files.ts";

/** Options of one import. */
export interface ImportArguments {
  source:
    | { kind: "folder"; folder: string; files?: string[] | undefined }
    | { kind: "media"; path: string }
    | { kind: "pasted" };
  collection: NewCollection;
  /** Title of pasted text, a picture or a recording. */
  title: string;
  overwrite: boolean;
  stateFolder: string;
  /** The URL of a Gatehouse's knowledge base; `undefined` means this machine's storage. */
  url: URL | undefined;
}

/** Options of an import. */
export const IMPORT_OPTIONS = {
  collection: { type: "string" },
  title: { type: "string" },
  readers: { type: "string" },
  overwrite: { type: "boolean", default: false },
  state: { type: "string" },
  env: { type: "string" },
  url: { type: "string" },
} as const;

/** Reads what the options and the place ask for. Throws a {@link CommandFailure} for invalid ones. */
export async function readImportArguments(
  values: Values<typeof IMPORT_OPTIONS>,
  named: string | undefined,
): Promise<ImportArguments> {
  if (named === undefined)
    throw new CommandFailure("Name a folder or a file.", "For the options: npm run kb:import -- --help");
  refuseBoth("kb:import", values, ["url", "env"]);
  refuseBoth("kb:import", values, ["url", "state"]);
  if (values.env !== "local") refuseBoth("kb:import", values, ["env", "state"]);
  const source = await readSource(named);
  const location = path.resolve(named);
  const base = named === "-" ? "pasted" : path.basename(location).replace(/\.[^.]+$/, "");
  if (named === "-" && values.title === undefined) {
    throw new CommandFailure("Pasted text needs a title.", 'Add one: --title "Parking for visitors"');
  }
  return {
    source,
    collection: {
      ...readCollection(values.collection, source.kind === "folder" && !source.files ? base : "imported"),
      readers: readReaders(values.readers),
    },
    title: values.title ?? base.replace(/[-_\s]+/g, " "),
    overwrite: values.overwrite,
    stateFolder: path.resolve(values.state ?? path.join(ROOT, ".wrangler/state")),
    url: readUrl(values.url, values.env ?? "local"),
  };
}

/** `--url` is the address of a Gatehouse, `--env` its name in `wrangler.toml`. */
function readUrl(url: string | undefined, environment: string): URL | undefined {
  if (url === undefined && environment === "local") return undefined;
  if (!isEnvironment(environment)) {
    throw new CommandFailure(
      `There is no environment "${environment}".`,
      `Choose one of ${ENVIRONMENTS.join(", ")}, or name an address with --url.`,
    );
  }
  const base = url ?? String(readEnvironment(environment).vars.PUBLIC_URL);
  if (!URL.canParse(base)) {
    throw new CommandFailure(
      `"${base}" is no address.`,
      "Write it in full: --url https://gatehouse.company.com",
    );
  }
  return new URL("/mcp/knowledge", base);
}

function isEnvironment(name: string): name is EnvironmentName {
  return (ENVIRONMENTS as readonly string[]).includes(name);
}

async function readSource(named: string): Promise<ImportArguments["source"]> {
  if (named === "-") return { kind: "pasted" };
  const location = path.resolve(named);
  const found = await stat(location).catch(() => undefined);
  if (found?.isDirectory()) return { kind: "folder", folder: location };
  if (found?.isFile() && isMedia(location)) return { kind: "media", path: location };
  if (found?.isFile() && isDocument(location)) {
    return { kind: "folder", folder: path.dirname(location), files: [path.basename(location)] };
  }
  throw new CommandFailure(
    found ? `${location} is no kind of file that can be imported.` : `There is no ${location}.`,
    "Name a folder, or a file: .md, .txt, .html, .pdf, a picture or a recording.",
  );
}

function readCollection(named: string | undefined, fallback: string): NewCollection {
  const title = named ?? fallback;
  const slug = makeSlug(title, "imported", MAX_SLUG_LENGTH);
  if (named !== undefined && slug !== named) {
    throw new CommandFailure(
      `"${named}" is no name for a collection.`,
      `Use lower-case letters, digits and hyphens, such as "${slug}".`,
    );
  }
  return { slug, title: title.charAt(0).toUpperCase() + title.slice(1).replace(/[-_]+/g, " ") };
}

/** Roles that can read a new collection; `null` for every role. Administrators always can. */
function readReaders(named: string | undefined): string[] | null {
  const roles = (named ?? "").split(",").map((role) => role.trim());
  const wrong = roles.find((role) => role !== "" && !/^[a-z][a-z0-9_-]{0,39}$/.test(role));
  if (wrong !== undefined) {
    throw new CommandFailure(`"${wrong}" is no role.`, "Name roles of the policy: --readers sales,support");
  }
  if (roles.includes("everybody")) return null;
  return [...new Set(["admin", ...roles.filter((role) => role !== "")])];
}
