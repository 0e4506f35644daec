import path from "node:path";

/** Absolute path of the project. */
export const ROOT = path.resolve(import.meta.dirname, "../..");
