import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { runWrangler } from "../local/process.ts";
import { type EnvironmentName, environmentFlag } from "../local/project.ts";

/** One file of the built Worker. */
export interface BundleFile {
  name: string;
  bytes: Buffer;
}

/** What of the script is made of what; the parts of it that esbuild writes (`--metafile`). */
export interface BundleParts {
  inputs: Record<string, { imports: { path: string; kind: string; external?: boolean }[] }>;
  outputs: Record<string, { entryPoint?: string; inputs: Record<string, { bytesInOutput: number }> }>;
}

/** Name of the file of {@link BundleParts}. */
const PARTS = "parts.json";

/**
 * Builds the Worker offline exactly as a deployment would upload it. Throws with wrangler's text when it
 * fails.
 */
export async function buildBundle(environment: EnvironmentName): Promise<BundleFile[]> {
  return (await buildWithParts(environment)).files;
}

/** {@link buildBundle}, with what the script is made of. */
export async function buildWithParts(
  environment: EnvironmentName,
): Promise<{ files: BundleFile[]; parts: BundleParts }> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "gatehouse-bundle-"));
  try {
    const { code, stdout, stderr } = await runWrangler([
      "deploy",
      "--dry-run",
      "--outdir",
      folder,
      "--metafile",
      path.join(folder, PARTS),
      environmentFlag(environment),
    ]);
    if (code !== 0) throw new Error(`The Worker does not build for ${environment}.\n${stderr || stdout}`);
    const names = (await readdir(folder)).filter(
      (name) => !/\.map$|^README\.md$/.test(name) && name !== PARTS,
    );
    const files = await Promise.all(
      names.sort().map(async (name) => ({ name, bytes: await readFile(path.join(folder, name)) })),
    );
    return { files, parts: JSON.parse(await readFile(path.join(folder, PARTS), "utf8")) as BundleParts };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
