/** Exit code of a command whose reader went away: 128 + SIGPIPE, as every shell has it. */
const READER_GONE = 141;

/** Ends this command without a word when whoever reads its output has seen enough, as `head` does. */
export function endWithReader(): void {
  process.stdout.on("error", (failure: NodeJS.ErrnoException) => {
    if (failure.code === "EPIPE") process.exit(READER_GONE);
    throw failure;
  });
}
