import { writeFile } from "node:fs/promises";
import path from "node:path";
import { runAlone } from "./local/command-line.ts";
import { ROOT } from "./local/root.ts";
import { judgeTools, TABLE_FILE, writeTable } from "./schemas/table.ts";

await runAlone("schemas", "npm run schemas    writes and prints the table of tools and hosts", async () => {
  const table = writeTable(await judgeTools());
  await writeFile(path.join(ROOT, TABLE_FILE), table);
  console.log(table);
});
