import { existsSync } from "node:fs";
import path from "node:path";
import { CommandFailure } from "./failure.ts";
import { ROOT } from "./root.ts";

/**
 * Throws a {@link CommandFailure} for storage that no start has created: opening it would create an empty one
 * under a mistyped name.
 */
export function requireStorage(stateFolder: string | undefined): void {
  if (existsSync(path.resolve(ROOT, stateFolder ?? ".wrangler/state", "v3"))) return;
  throw stateFolder === undefined
    ? new CommandFailure("There is no local storage yet.", "Run once: npm start")
    : new CommandFailure(
        `There is no local storage in ${stateFolder}.`,
        `Check the folder, or run once: npm start -- --state ${stateFolder}`,
      );
}
