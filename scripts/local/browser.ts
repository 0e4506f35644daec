import { accessSync, constants } from "node:fs";
import path from "node:path";

/** Install locations of Chrome and Chromium outside of `PATH`. */
const KNOWN_PLACES = [
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
  "C:\\Program Files (x86)\\Google\\Chrome\\Application\\chrome.exe",
];
const COMMANDS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];

/** Finds an installed Chrome or Chromium. `CHROME_PATH` takes precedence; `none` hides every browser. */
export function findBrowser(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string | null {
  if (environment.CHROME_PATH === "none") return null;
  const folders = (environment.PATH ?? "").split(path.delimiter).filter(Boolean);
  const candidates = [
    ...(environment.CHROME_PATH ? [environment.CHROME_PATH] : []),
    ...folders.flatMap((folder) => COMMANDS.map((command) => path.join(folder, command))),
    ...KNOWN_PLACES,
  ];
  return candidates.find(isExecutable) ?? null;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
