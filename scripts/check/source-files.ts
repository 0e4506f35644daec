import { readdir } from "node:fs/promises";
import path from "node:path";
import { ROOT } from "../local/root.ts";

/**
 * Lists the TypeScript files under folders of the project, sorted, as project-relative paths with `/`. The
 * folder `.` stands for the files in the project's root only.
 */
export async function listSourceFiles(folders: readonly string[]): Promise<string[]> {
  const lists = await Promise.all(
    folders.map(async (folder) => {
      const names = await readdir(path.join(ROOT, folder), { recursive: folder !== "." }).catch(() => []);
      return names.map((name) => path.posix.join(folder, name.split(path.sep).join("/")));
    }),
  );
  return lists
    .flat()
    .filter((file) => /\.tsx?$/.test(file) && !file.endsWith(".d.ts"))
    .sort();
}
