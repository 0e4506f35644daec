/** Open files per stream in the runtime's process: the runtime opens its connection twice. */
const FILES_PER_STREAM = 2;

/** Other open files of a runtime: databases of objects that are awake, and its own. */
const OTHER_FILES = 3_000;

/** Number of runtimes for this many streams, so that each stays below the system's limit of open files. */
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
