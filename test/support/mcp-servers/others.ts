import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import os from "node:os";
import path from "node:path";
import type { Readable } from "node:stream";

/** Hosts of servers that others wrote, by name. */
export type OtherServers = Record<"everything" | "filesystem" | "memory" | "thinking" | "bridged", string>;

const ROOT = path.resolve(import.meta.dirname, "../../..");

/**
 * Starts the reference servers of the Model Context Protocol: `everything` over Streamable HTTP, and all over the bridge for
 * stdio, as the command starts it. Their processes end with this one, which they do not keep alive.
 */
export async function startOtherServers(): Promise<OtherServers> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "gatehouse-files-"));
  await writeFile(path.join(folder, "note.txt"), "a note in a file");
  const [everything, bridged, filesystem, memory, thinking] = await Promise.all([
    startHttp(programOf("@modelcontextprotocol/server-everything")),
    startBridge(programOf("@modelcontextprotocol/server-everything"), "stdio"),
    startBridge(programOf("@modelcontextprotocol/server-filesystem"), folder),
    startBridge(programOf("@modelcontextprotocol/server-memory")),
    startBridge(programOf("@modelcontextprotocol/server-sequential-thinking")),
  ]);
  return { everything, bridged, filesystem, memory, thinking };
}

function programOf(name: string): string {
  return path.join(ROOT, "node_modules", name, "dist/index.js");
}

async function startHttp(program: string): Promise<string> {
  const port = await findPort();
  const child = spawn(process.execPath, [program, "streamableHttp"], {
    env: { ...process.env, PORT: String(port) },
    stdio: ["ignore", "ignore", "pipe"],
  });
  // It says on standard error that it listens.
  await awaitWord(child, child.stderr);
  return `127.0.0.1:${port}`;
}

async function startBridge(...command: string[]): Promise<string> {
  const port = await findPort();
  const args = [
    "scripts/connections.ts",
    "bridge",
    "--port",
    String(port),
    "--",
    process.execPath,
    ...command,
  ];
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "pipe", "ignore"] });
  await awaitWord(child, child.stdout);
  return `127.0.0.1:${port}`;
}

/** Waits for the first output of a process, and lets go of it. */
async function awaitWord(child: ChildProcess, output: Readable): Promise<void> {
  process.once("exit", () => child.kill());
  await once(output, "data");
  output.resume();
  child.unref();
  (output as unknown as { unref(): void }).unref();
}

async function findPort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}
