import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { build, type Plugin } from "esbuild";
import { runWrangler } from "../../local/process.ts";
import { CONFIG_FILE, environmentFlag, readEnvironment } from "../../local/project.ts";
import { ROOT } from "../../local/root.ts";
import type { Variant } from "./variants.ts";

/** A built variant. */
export interface BuiltModule {
  /** The one module that is uploaded. */
  script: string;
  /** From that module to the project's files (ECMA-426). */
  sourceMap: string;
  /** Compiled modules that it imports, by file name. */
  wasm: Readonly<Record<string, Uint8Array>>;
  /** Files that it imports as bytes. */
  data: Readonly<Record<string, Uint8Array>>;
}

/**
 * Builds a variant. First the project's own files become one, with replaced modules in place; then wrangler
 * builds the upload of a deployment to the local environment. Throws with wrangler's text.
 */
export async function buildVariant({ name, entry, replaced, bare }: Variant): Promise<BuiltModule> {
  // Under the project, because packages are found from here.
  const folder = path.join(ROOT, ".wrangler/bench", name.replace(/\W+/g, "-"));
  await mkdir(folder, { recursive: true });
  const joined = path.join(folder, "joined.js");
  const output = path.join(folder, "upload");
  await build({
    entryPoints: [path.resolve(import.meta.dirname, entry)],
    outfile: joined,
    bundle: true,
    format: "esm",
    target: "es2024",
    packages: "external",
    external: ["cloudflare:*"],
    // Its path is made absolute: the joined file lies elsewhere.
    loader: { ".wasm": "copy" },
    plugins: [replaceModules(replaced)],
    sourcemap: "inline",
    sourcesContent: false,
    logLevel: "error",
  });
  const key = createHash("sha256")
    .update(await readInputs(joined))
    .digest("hex");
  const keyFile = path.join(folder, "key");
  const uploaded = path.join(output, "joined.js");
  // The same files and packages give the same build.
  if ((await readFile(keyFile, "utf8").catch(() => "")) === key) return await readModule(uploaded);
  const { code, stdout, stderr } = await runWrangler([
    "deploy",
    joined,
    "--dry-run",
    "--outdir",
    output,
    ...(bare !== undefined ? ["--config", await writeConfig(folder)] : [environmentFlag("local")]),
  ]);
  if (code !== 0) throw new Error(`"${name}" does not build.\n${stderr || stdout}`);
  await writeFile(keyFile, key);
  return await readModule(uploaded);
}

async function readModule(file: string): Promise<BuiltModule> {
  const folder = path.dirname(file);
  const names = await readdir(folder);
  const read = async (ending: string) =>
    Object.fromEntries(
      await Promise.all(
        names
          .filter((name) => name.endsWith(ending))
          .map(async (name) => [name, await readFile(path.join(folder, name))] as const),
      ),
    );
  return {
    script: await readFile(file, "utf8"),
    sourceMap: await readFile(`${file}.map`, "utf8"),
    wasm: await read(".wasm"),
    data: await read(".woff2"),
  };
}

async function readInputs(joined: string): Promise<string> {
  const files = [joined, CONFIG_FILE, path.join(ROOT, "package-lock.json")];
  return (await Promise.all(files.map((file) => readFile(file, "utf8")))).join();
}

/** The least that a Worker needs: the runtime that the project names. */
async function writeConfig(folder: string): Promise<string> {
  const { compatibility_date, compatibility_flags } = readEnvironment("local");
  const file = path.join(folder, "wrangler.json");
  await writeFile(file, JSON.stringify({ name: "bare", compatibility_date, compatibility_flags }));
  return file;
}

/**
 * Replaces modules for all importers except the replacement, which may import the original.
 */
function replaceModules(replaced: Readonly<Record<string, string>>): Plugin {
  const places = new Map(
    Object.entries(replaced).map(([original, standIn]) => [
      path.join(ROOT, original),
      path.resolve(import.meta.dirname, standIn),
    ]),
  );
  return {
    name: "replace-modules",
    setup(builder) {
      builder.onResolve({ filter: /^\..*\.tsx?$/ }, ({ path: specifier, importer, resolveDir }) => {
        const standIn = places.get(path.resolve(resolveDir, specifier));
        return standIn === undefined || standIn === importer ? undefined : { path: standIn };
      });
    },
  };
}
