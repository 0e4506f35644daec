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

/**
 * Builds the Worker offline exactly as a deployment would upload it. Throws with wrangler's text when it
 * fails.
 */
export async function buildBundle(environment: EnvironmentName): Promise<BundleFile[]> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "gatehouse-bundle-"));
  try {
    const { code, stdout, stderr } = await runWrangler([
      "deploy",
      "--dry-run",
      "--outdir",
      folder,
      environmentFlag(environment),
    ]);
    if (code !== 0) throw new Error(`The Worker does not build for ${environment}.\n${stderr || stdout}`);
    const names = (await readdir(folder)).filter((name) => !/\.map$|^README\.md$/.test(name)).sort();
    return await Promise.all(
      names.map(async (name) => ({ name, bytes: await readFile(path.join(folder, name)) })),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
