import { runNode } from "../../scripts/local/process.ts";

/** Runs `npm run connections` as an operator does. Without `stdin` nothing is there to read. */
export type RunConnections = (
  args: readonly string[],
  stdin?: string,
) => Promise<{ code: number; output: string }>;

/** Commands on what is published, and those that ask no running Gatehouse. */
const WITHOUT_FILE = ["status", "versions", "remove", "withdraw"];
const WITHOUT_ADDRESS = ["versions", "operations"];

/** A file of connections, a storage, and the Gatehouse that runs on it. */
interface Place {
  file: string;
  stateFolder: string;
  url: string;
}

/**
 * The commands of connections for a place.
 *
 * @param run - by default in a process of its own
 */
export function runConnectionsOf(
  { file, stateFolder, url }: Place,
  run: RunConnections = runAlone,
): RunConnections {
  return async (args, stdin) => {
    const [command = ""] = args;
    const own = WITHOUT_FILE.includes(command) ? [] : ["--file", file];
    const reach = WITHOUT_ADDRESS.includes(command) ? [] : ["--url", url];
    return await run([...args, ...own, "--state", stateFolder, ...reach], stdin);
  };
}

const runAlone: RunConnections = async (args, stdin) => {
  const { code, stdout, stderr } = await runNode("scripts/connections.ts", [...args], {
    env: { NO_COLOR: "1" },
    ...(stdin !== undefined && { stdin }),
  });
  return { code, output: stdout + stderr };
};
