import type { ChildProcess } from "node:child_process";
import { startNode } from "../../scripts/local/process.ts";

/** An `npm start` process of a test. */
export interface SpawnedStart {
  /** Its whole output so far. */
  output(): string;
  /** Resolves once `text` was printed. Rejects with the output when the process ends before. */
  printed(text: string): Promise<void>;
  /** Sends a signal and resolves with the exit code. */
  end(signal: NodeJS.Signals): Promise<number | null>;
  /** Resolves with the exit code when the process ends by itself. */
  ended: Promise<number | null>;
  processId: number;
}

/** Starts `scripts/start.ts` on a storage folder of the test. */
export function spawnStart(stateFolder: string, port: number, flags: readonly string[] = []): SpawnedStart {
  const child = startNode("scripts/start.ts", ["--state", stateFolder, "--no-watch", ...flags], {
    env: { PORT: String(port) },
  });
  let output = "";
  const listeners = new Set<() => void>();
  const append = (text: string) => {
    output += text;
    for (const listener of listeners) listener();
  };
  child.stdout?.setEncoding("utf8").on("data", append);
  child.stderr?.setEncoding("utf8").on("data", append);
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  return {
    output: () => output,
    ended,
    processId: processIdOf(child),
    printed: (text) =>
      new Promise((resolve, reject) => {
        const look = () => output.includes(text) && resolve();
        listeners.add(look);
        look();
        ended.then(() => reject(new Error(`It ended before it printed "${text}":\n${output}`)));
      }),
    end(signal) {
      child.kill(signal);
      return ended;
    },
  };
}

/** Starts with little data on `stateFolder`, and resolves once it answers; `began` gets the process before that. */
export async function startSmall(
  stateFolder: string,
  port: number,
  began: (started: SpawnedStart) => void,
): Promise<SpawnedStart> {
  const started = spawnStart(stateFolder, port, ["--contacts", "50", "--events", "1000", "--no-database"]);
  began(started);
  await started.printed("Ctrl-C stops");
  return started;
}

function processIdOf(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error("The process did not start.");
  return child.pid;
}
