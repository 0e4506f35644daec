import { createWriteStream, lstatSync, mkdirSync, renameSync, rmSync, type WriteStream } from "node:fs";
import path from "node:path";

/** Logs of earlier runs that are kept: `worker.log.1` is the one before. */
const KEPT = 3;

/** Milliseconds after a failed write until the log is tried again. */
const TRY_AGAIN_MS = 30_000;

/** The log of a run of the Worker. */
export interface WorkerLog {
  /** Writes a line. What cannot be written is lost, and never ends the process. */
  write(line: string): void;
  close(): void;
}

/**
 * Begins a log and keeps those of the runs before, because the one that ended badly is what people look for. A full disk
 * costs lines and not the server: it is said once, and writing is tried again after a while.
 *
 * @param say - how the person in front learns that the log cannot be written
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

/** Moves `worker.log` to `worker.log.1`, that one to `worker.log.2`, and so on. Only files: a device or pipe stays. */
function keepEarlier(file: string): void {
  if (!lstatSync(file, { throwIfNoEntry: false })?.isFile()) return;
  rmSync(`${file}.${KEPT}`, { force: true });
  for (let number = KEPT; number > 1; number -= 1) {
    const from = `${file}.${number - 1}`;
    if (lstatSync(from, { throwIfNoEntry: false })) renameSync(from, `${file}.${number}`);
  }
  renameSync(file, `${file}.1`);
}
