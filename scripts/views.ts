import { writeFile } from "node:fs/promises";
import path from "node:path";
import { ROOT } from "./local/root.ts";
import { buildViews } from "./views/build-views.ts";

/** `npm run views`: builds every view into the JSON file in its source folder, which the Worker includes. */
for (const { file, content, bytes } of await buildViews()) {
  await writeFile(path.join(ROOT, file), content);
  console.log(`${file}  ${(bytes / 1024).toFixed(1)} KiB`);
}
