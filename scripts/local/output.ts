/** Exit code of a command whose output pipe was closed: 128 + SIGPIPE, as in every shell. */
const READER_GONE = 141;

/** Ends this command silently when the reader of its output closes the pipe, as `head` does. */
export function endWithReader(): void {
  process.stdout.on("error", (failure: NodeJS.ErrnoException) => {
    if (failure.code === "EPIPE") process.exit(READER_GONE);
    throw failure;
  });
}
