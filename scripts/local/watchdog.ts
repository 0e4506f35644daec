import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { subscribe } from "node:diagnostics_channel";
import path from "node:path";

/** Watchdog script: tracks child process ids from stdin, and kills the remaining ones when stdin closes. */
const KEEPER = `
  const running = new Set();
  require("node:readline").createInterface({ input: process.stdin })
    .on("line", (line) => line[0] === "+" ? running.add(+line.slice(1)) : running.delete(+line.slice(1)))
    .on("close", () => { for (const id of running) try { process.kill(id, "SIGKILL") } catch {} });
`;

/** Programs that must not outlive this process. A killed `postgres` takes its own processes along. */
const PROGRAMS = /^(?:workerd|postgres|initdb)\b/;

/**
 * Kills this process's runtimes (workerd) and database server even when this process is killed without a clean-up. A remaining
 * runtime would keep the port, and write to storage that the next start uses.
 */
export function killChildrenOnExit(): void {
  // Detached: Ctrl-C reaches all processes of the terminal's group, and the watchdog must outlive them.
  const keeper = spawn(process.execPath, ["--eval", KEEPER], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  // A start works without the watchdog too.
  keeper.on("error", () => undefined);
  keeper.stdin.on("error", () => undefined);
  keeper.unref();
  subscribe("child_process", (message) => {
    const { process: child } = message as { process: ChildProcess };
    child.once("spawn", () => {
      if (!PROGRAMS.test(path.basename(child.spawnfile))) return;
      keeper.stdin.write(`+${child.pid}\n`);
      child.once("exit", () => keeper.stdin.write(`-${child.pid}\n`));
    });
  });
}
