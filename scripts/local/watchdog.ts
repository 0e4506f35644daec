import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { subscribe } from "node:diagnostics_channel";
import path from "node:path";

/** What the keeper runs: it notes who began and who ended, and ends the rest when nobody tells it more. */
const KEEPER = `
  const running = new Set();
  require("node:readline").createInterface({ input: process.stdin })
    .on("line", (line) => line[0] === "+" ? running.add(+line.slice(1)) : running.delete(+line.slice(1)))
    .on("close", () => { for (const id of running) try { process.kill(id, "SIGKILL") } catch {} });
`;

/**
 * Ends this process's runtimes (workerd) also when this process is killed and can clean up nothing. A runtime that
 * lives on keeps the port, and writes to storage that the next start takes for free.
 */
export function killWorkerdOnExit(): void {
  // Detached: Ctrl-C goes to everybody in the terminal's group, and the keeper must be there until the end.
  const keeper = spawn(process.execPath, ["--eval", KEEPER], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  // Without a keeper a start is what it was before; that is no reason not to start.
  keeper.on("error", () => undefined);
  keeper.stdin.on("error", () => undefined);
  keeper.unref();
  subscribe("child_process", (message) => {
    const { process: child } = message as { process: ChildProcess };
    child.once("spawn", () => {
      if (!path.basename(child.spawnfile).startsWith("workerd")) return;
      keeper.stdin.write(`+${child.pid}\n`);
      child.once("exit", () => keeper.stdin.write(`-${child.pid}\n`));
    });
  });
}
