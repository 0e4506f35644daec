import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { readModules } from "../../scripts/check/module-graph.ts";
import { ROOT } from "../../scripts/local/root.ts";

const DECIDE = "shared/guard/decide.ts";

it("the docstring of the guard's decision lists every file that asks it, and no other", async () => {
  const modules = await readModules(["shared", "workers"]);
  const asking = modules
    .filter(({ imports }) => imports.some(({ file, names }) => file === DECIDE && names.includes("decide")))
    .map(({ file }) => file);
  const text = readFileSync(path.join(ROOT, DECIDE), "utf8");
  const listed = [...text.matchAll(/^ \* - `([^`]+)`: /gm)].map(([, file]) => file);
  expect(listed.toSorted()).toEqual(asking.toSorted());
});
