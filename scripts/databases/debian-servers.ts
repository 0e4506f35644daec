import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import os from "node:os";
import path from "node:path";
import { findPostgresql } from "../local/database-servers.ts";
import { type Certificates, makeCertificates } from "./certificates.ts";

/** Where a test server listens, and the account that owns everything in it. */
export type ServerAddress = {
  host: string;
  port: number;
  user: string;
  password: string;
};

/** The database servers of this machine, started for one run; `null` for one that is not installed. */
export type DatabaseServers = {
  postgresql: ServerAddress | null;
  mariadb: ServerAddress | null;
  redis: (ServerAddress & { tlsPort: number }) | null;
};

/** The servers listen at both; their certificate is for the first. */
const HOSTS = ["127.0.0.1", "127.0.0.2"] as const;

const PASSWORD = "for-tests-only";
/** Database servers refuse to run as root. */
const ACCOUNT = "nobody";

const running: ChildProcess[] = [];

/**
 * Starts Debian's PostgreSQL, MariaDB and Redis on free ports and folders of their own, with TLS. They end with this
 * process. `certificates` are those of the private authority that signed theirs.
 */
export async function startDatabaseServers(): Promise<DatabaseServers & { certificates: Certificates }> {
  const folder = mkdtempSync(path.join(os.tmpdir(), "gatehouse-databases-"));
  allow(folder);
  process.once("exit", () => {
    for (const child of running) child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });
  const certificates = makeCertificates(folder, HOSTS[0], run);
  const [postgresql, mariadb, redis] = await Promise.all([
    startPostgresql(path.join(folder, "postgresql"), certificates),
    startMariadb(path.join(folder, "mariadb"), certificates),
    startRedis(path.join(folder, "redis"), certificates),
  ]);
  return { postgresql, mariadb, redis, certificates };
}

async function startPostgresql(
  folder: string,
  { certificate, key }: Certificates,
): Promise<ServerAddress | null> {
  const bin = findPostgresql();
  if (bin === null) return null;
  prepare(folder);
  run(path.join(bin, "initdb"), [
    "-D",
    folder,
    "-U",
    "owner",
    "--auth=scram-sha-256",
    "--no-sync",
    `--pwfile=${writePassword(folder)}`,
  ]);
  const port = await findPort();
  const settings = [
    `listen_addresses=${HOSTS.join()}`,
    "ssl=on",
    `ssl_cert_file=${certificate}`,
    `ssl_key_file=${key}`,
    `port=${port}`,
    `unix_socket_directories=${folder}`,
    "fsync=off",
    "max_connections=60",
  ];
  start(path.join(bin, "postgres"), ["-D", folder, ...settings.flatMap((setting) => ["-c", setting])]);
  await waitForPort(port);
  return { host: "127.0.0.1", port, user: "owner", password: PASSWORD };
}

async function startMariadb(folder: string, certificates: Certificates): Promise<ServerAddress | null> {
  if (!existsSync("/usr/sbin/mariadbd")) return null;
  prepare(folder);
  run("/usr/bin/mariadb-install-db", [
    "--no-defaults",
    `--datadir=${folder}`,
    "--auth-root-authentication-method=normal",
    "--skip-test-db",
  ]);
  const port = await findPort();
  start("/usr/sbin/mariadbd", [
    "--no-defaults",
    `--datadir=${folder}`,
    `--port=${port}`,
    `--bind-address=${HOSTS.join()}`,
    `--ssl-cert=${certificates.certificate}`,
    `--ssl-key=${certificates.key}`,
    `--ssl-ca=${certificates.authority}`,
    `--socket=${path.join(folder, "server.sock")}`,
    `--init-file=${writeFirstStatements(folder)}`,
  ]);
  await waitForPort(port);
  return { host: "127.0.0.1", port, user: "owner", password: PASSWORD };
}

async function startRedis(folder: string, certificates: Certificates): Promise<DatabaseServers["redis"]> {
  if (!existsSync("/usr/bin/redis-server")) return null;
  prepare(folder);
  const [port, tlsPort] = [await findPort(), await findPort()];
  start("/usr/bin/redis-server", [
    "--port",
    String(port),
    "--tls-port",
    String(tlsPort),
    "--tls-cert-file",
    certificates.certificate,
    "--tls-key-file",
    certificates.key,
    "--tls-ca-cert-file",
    certificates.authority,
    "--tls-auth-clients",
    "no",
    "--bind",
    ...HOSTS,
    "--dir",
    folder,
    "--save",
    "",
    "--requirepass",
    PASSWORD,
  ]);
  await waitForPort(port);
  return { host: "127.0.0.1", port, tlsPort, user: "default", password: PASSWORD };
}

function prepare(folder: string): void {
  mkdirSync(folder, { recursive: true });
  allow(folder);
}

/** Gives a folder to the account that servers run as. */
function allow(folder: string): void {
  if (process.getuid?.() === 0) run("chown", [ACCOUNT, folder], false);
}

/** A command as the account of the servers. It ends with this process, however that ends. */
function asAccount(command: string, args: readonly string[]): [string, string[]] {
  const account = process.getuid?.() === 0 ? [`--reuid=${ACCOUNT}`, "--regid=nogroup", "--clear-groups"] : [];
  return ["setpriv", ["--pdeathsig=KILL", ...account, command, ...args]];
}

function run(command: string, args: readonly string[], demoted = true): void {
  const [program, given] = demoted ? asAccount(command, args) : [command, [...args]];
  const { status, stderr } = spawnSync(program, given, {
    encoding: "utf8",
    env: { ...process.env, HOME: os.tmpdir() },
  });
  if (status !== 0) throw new Error(`${command} failed: ${stderr}`);
}

function start(command: string, args: readonly string[]): void {
  const [program, given] = asAccount(command, args);
  const child = spawn(program, given, { stdio: "ignore", env: { ...process.env, HOME: os.tmpdir() } });
  child.unref();
  running.push(child);
}

function writePassword(folder: string): string {
  const file = `${folder}.password`;
  run("sh", ["-c", `printf '%s' '${PASSWORD}' > '${file}'`], false);
  run("chmod", ["644", file], false);
  return file;
}

function writeFirstStatements(folder: string): string {
  const file = `${folder}.sql`;
  const statement = `CREATE USER IF NOT EXISTS owner@'%' IDENTIFIED BY '${PASSWORD}'; GRANT ALL ON *.* TO owner@'%' WITH GRANT OPTION;`;
  run("sh", ["-c", `cat > '${file}' <<'END'\n${statement.replaceAll("; ", ";\n")}\nEND`], false);
  run("chmod", ["644", file], false);
  return file;
}

function findPort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

/** Resolves when a server accepts connections. */
async function waitForPort(port: number): Promise<void> {
  const net = await import("node:net");
  const deadline = Date.now() + 30_000;
  for (;;) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = net.connect(port, "127.0.0.1");
      socket.once("connect", () => resolve(true));
      socket.once("error", () => resolve(false));
      socket.once("connect", () => socket.destroy());
    });
    if (isOpen) return;
    if (Date.now() > deadline) throw new Error(`No server answers on port ${port}.`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
