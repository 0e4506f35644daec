import { writeFile } from "node:fs/promises";
import path from "node:path";
import { runAlone } from "./local/command-line.ts";
import { ROOT } from "./local/root.ts";
import { buildViews } from "./views/build-views.ts";

const HELP =
  "npm run views    builds every view into the JSON file in its source folder, which the Worker includes";

await runAlone("views", HELP, async () => {
  for (const { file, content, bytes } of await buildViews()) {
    await writeFile(path.join(ROOT, file), content);
    console.log(`${file}  ${(bytes / 1024).toFixed(1)} KiB`);
  }
});
