import { writeFile } from "node:fs/promises";
import path from "node:path";
import { runAlone } from "./local/command-line.ts";
import { ROOT } from "./local/root.ts";
import { REFERENCE_FILE, writeReference } from "./reference/write-reference.ts";

await runAlone("reference", "npm run reference    writes the reference page", async () => {
  await writeFile(path.join(ROOT, REFERENCE_FILE), await writeReference());
  console.log(REFERENCE_FILE);
});
