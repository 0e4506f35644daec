/** Files that a stream takes in the runtime's process: its connection, which the runtime opens twice. */
const FILES_PER_STREAM = 2;

/** Files that a runtime needs beside streams: databases of objects that are awake, its own. */
const OTHER_FILES = 3_000;

/** Says how many runtimes share so many streams, so that each stays below the system's limit of open files. */
export function countRuntimes(streams: number): number {
  return Math.ceil((streams * FILES_PER_STREAM) / (readFileLimit() - OTHER_FILES));
}

function readFileLimit(): number {
  const { userLimits } = process.report.getReport() as {
    userLimits?: { open_files?: { soft?: number | string } };
  };
  const soft = Number(userLimits?.open_files?.soft);
  return Number.isNaN(soft) ? 1_000_000 : Math.max(soft, OTHER_FILES + 1_000);
}
