import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import http from "node:http";
import { type AddressInfo, createServer } from "node:net";
import os from "node:os";
import path from "node:path";
import type { Readable } from "node:stream";
import { createStorybookMcpHandler } from "@storybook/mcp";
import { serveFetch } from "./serve-fetch.ts";

/** Hosts of servers that others wrote, by name. */
export type OtherServers = Record<
  "everything" | "filesystem" | "memory" | "thinking" | "bridged" | "obsidian" | "storybook",
  string
>;

const ROOT = path.resolve(import.meta.dirname, "../../..");

/**
 * Starts servers that others wrote. The reference servers of the Model Context Protocol: `everything` over Streamable HTTP, and
 * all over the bridge for stdio, as the command starts it. Over the bridge too: `obsidian-mcp`, on the official SDK of 2026. In
 * this process and over Streamable HTTP: Storybook's server, on an SDK that is not the official one (`tmcp`). The processes of
 * the others end with this one, which they do not keep alive.
 */
export async function startOtherServers(): Promise<OtherServers> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "gatehouse-files-"));
  await writeFile(path.join(folder, "note.txt"), "a note in a file");
  const vault = await mkdtemp(path.join(os.tmpdir(), "gatehouse-vault-"));
  await mkdir(path.join(vault, ".obsidian"));
  const [everything, bridged, filesystem, memory, thinking, obsidian, storybook] = await Promise.all([
    startHttp(programOf("@modelcontextprotocol/server-everything")),
    startBridge(programOf("@modelcontextprotocol/server-everything"), "stdio"),
    startBridge(programOf("@modelcontextprotocol/server-filesystem"), folder),
    startBridge(programOf("@modelcontextprotocol/server-memory")),
    startBridge(programOf("@modelcontextprotocol/server-sequential-thinking")),
    startBridge(programOf("obsidian-mcp", "main.js"), "serve", "--vault", `notes=${vault}`),
    startStorybook(),
  ]);
  return { everything, bridged, filesystem, memory, thinking, obsidian, storybook };
}

function programOf(name: string, file = "index.js"): string {
  return path.join(ROOT, "node_modules", name, "dist", file);
}

/** Starts Storybook's server with one component, as its readme mounts it. */
async function startStorybook(): Promise<string> {
  const story = { id: "button--primary", name: "Primary", snippet: "<Button primary />" };
  const button = {
    id: "button",
    name: "Button",
    path: "./button.tsx",
    description: "Does what its text says.",
    stories: [story],
  };
  const components = JSON.stringify({ v: 0, components: { button } });
  const handle = await createStorybookMcpHandler({
    manifestProvider: async (_request, asked) => {
      if (asked.endsWith("components.json")) return components;
      throw new Error(`There is no ${asked}.`);
    },
  });
  const server = http.createServer(serveFetch((request) => handle(request)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  server.unref();
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
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
