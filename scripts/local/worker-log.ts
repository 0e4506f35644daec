import { createWriteStream, lstatSync, mkdirSync, renameSync, rmSync, type WriteStream } from "node:fs";
import path from "node:path";

/** Number of earlier logs to keep: `worker.log.1` is the latest. */
const KEPT = 3;

/** Milliseconds after a failed write until the next attempt. */
const TRY_AGAIN_MS = 30_000;

/** The log of a run of the Worker. */
export interface WorkerLog {
  /** Writes a line. A line that cannot be written is lost; the process continues. */
  write(line: string): void;
  close(): void;
}

/**
 * Opens a new log and keeps those of earlier runs, which may explain a failure. On a full disk lines are
 * lost, and the server continues: it reports this once, and writing is retried after a while.
 *
 * @param say - reports to the user that the log cannot be written
 */
export function openWorkerLog(file: string, say: (text: string) => void, clock = Date.now): WorkerLog {
  let stream: WriteStream | null = null;
  let failedAt: number | null = null;
  const fail = (failure: Error) => {
    if (failedAt === null)
      say(`${file} cannot be written (${failure.message}). Gatehouse runs on without it.`);
    failedAt = clock();
    stream?.destroy();
    stream = null;
  };
  const open = () => {
    const opened = createWriteStream(file, { flags: "a" });
    opened.on("error", fail);
    return opened;
  };
  try {
    mkdirSync(path.dirname(file), { recursive: true });
    keepEarlier(file);
    stream = open();
  } catch (failure) {
    fail(failure instanceof Error ? failure : new Error(String(failure)));
  }
  return {
    write(line) {
      if (stream === null) {
        if (failedAt !== null && clock() - failedAt < TRY_AGAIN_MS) return;
        stream = open();
      }
      stream.write(`${line}\n`);
    },
    close: () => void stream?.end(),
  };
}

/**
 * Renames `worker.log` to `worker.log.1`, that one to `worker.log.2`, and so on. Files only: a device or pipe
 * stays.
 */
function keepEarlier(file: string): void {
  if (!lstatSync(file, { throwIfNoEntry: false })?.isFile()) return;
  rmSync(`${file}.${KEPT}`, { force: true });
  for (let number = KEPT; number > 1; number -= 1) {
    const from = `${file}.${number - 1}`;
    if (lstatSync(from, { throwIfNoEntry: false })) renameSync(from, `${file}.${number}`);
  }
  renameSync(file, `${file}.1`);
}
