import { writeFile } from "node:fs/promises";
import path from "node:path";
import { ROOT } from "./local/root.ts";
import { REFERENCE_FILE, writeReference } from "./reference/write-reference.ts";

/** `npm run reference`: writes the reference page. */
await writeFile(path.join(ROOT, REFERENCE_FILE), await writeReference());
console.log(REFERENCE_FILE);
