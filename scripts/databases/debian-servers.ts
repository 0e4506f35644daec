import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import os from "node:os";
import path from "node:path";
import { findPostgresql } from "../local/database-servers.ts";
import { pickPort } from "../local/port.ts";
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

/** A server of its own that can be killed and started again, with its data and at its address. */
export interface RunningServer<Address extends ServerAddress = ServerAddress> {
  address: Address;
  /** Ends its process with SIGKILL. Resolves when it is gone. */
  kill(): Promise<void>;
  /** Resolves when it accepts connections again. */
  restart(): Promise<void>;
}

/** How each kind is started in a folder of its own; `null` where it is not installed. */
export const STARTS = { postgresql: startPostgresql, mariadb: startMariadb, redis: startRedis };

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
export async function startDatabaseServers(): Promise<
  DatabaseServers & { folder: string; certificates: Certificates }
> {
  const folder = makeFolder();
  const certificates = makeCertificates(folder, HOSTS[0], run);
  const [postgresql, mariadb, redis] = await Promise.all([
    startPostgresql(path.join(folder, "postgresql"), certificates),
    startMariadb(path.join(folder, "mariadb"), certificates),
    startRedis(path.join(folder, "redis"), certificates),
  ]);
  return {
    postgresql: postgresql?.address ?? null,
    mariadb: mariadb?.address ?? null,
    redis: redis?.address ?? null,
    folder,
    certificates,
  };
}

/** A folder for servers, which is removed with this process, as they are. */
function makeFolder(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), "gatehouse-databases-"));
  allow(folder);
  process.once("exit", () => {
    for (const child of running) child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

async function startPostgresql(
  folder: string,
  { certificate, key }: Certificates,
): Promise<RunningServer | null> {
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
  const port = await pickPort();
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
  const address = { host: "127.0.0.1", port, user: "owner", password: PASSWORD };
  const args = ["-D", folder, ...settings.flatMap((setting) => ["-c", setting])];
  return await launch(path.join(bin, "postgres"), args, address);
}

async function startMariadb(folder: string, certificates: Certificates): Promise<RunningServer | null> {
  if (!existsSync("/usr/sbin/mariadbd")) return null;
  prepare(folder);
  run("/usr/bin/mariadb-install-db", [
    "--no-defaults",
    `--datadir=${folder}`,
    "--auth-root-authentication-method=normal",
    "--skip-test-db",
  ]);
  const port = await pickPort();
  const address = { host: "127.0.0.1", port, user: "owner", password: PASSWORD };
  const args = [
    "--no-defaults",
    `--datadir=${folder}`,
    `--port=${port}`,
    `--bind-address=${HOSTS.join()}`,
    `--ssl-cert=${certificates.certificate}`,
    `--ssl-key=${certificates.key}`,
    `--ssl-ca=${certificates.authority}`,
    `--socket=${path.join(folder, "server.sock")}`,
    `--init-file=${writeFirstStatements(folder)}`,
  ];
  return await launch("/usr/sbin/mariadbd", args, address);
}

async function startRedis(
  folder: string,
  certificates: Certificates,
): Promise<RunningServer<ServerAddress & { tlsPort: number }> | null> {
  if (!existsSync("/usr/bin/redis-server")) return null;
  prepare(folder);
  const [port, tlsPort] = [await pickPort(), await pickPort()];
  const address = { host: "127.0.0.1", port, tlsPort, user: "default", password: PASSWORD };
  const args = [
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
    // Its data is there again after a restart.
    "--appendonly",
    "yes",
    "--requirepass",
    PASSWORD,
  ];
  return await launch("/usr/bin/redis-server", args, address);
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

/** Starts a server. What is left of a killed one may hold its folder for a moment: it is started until it stays. */
async function launch<Address extends ServerAddress>(
  command: string,
  args: readonly string[],
  address: Address,
): Promise<RunningServer<Address>> {
  let child = spawnServer(command, args);
  const restart = () =>
    waitForPort(address.port, () => {
      if (child.exitCode !== null || child.signalCode !== null) child = spawnServer(command, args);
    });
  await waitForPort(address.port);
  return {
    address,
    restart,
    async kill() {
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
    },
  };
}

function spawnServer(command: string, args: readonly string[]): ChildProcess {
  const [program, given] = asAccount(command, args);
  const child = spawn(program, given, { stdio: "ignore", env: { ...process.env, HOME: os.tmpdir() } });
  child.unref();
  running.push(child);
  return child;
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

/** Resolves when a server accepts connections. Calls `again` before each look. */
async function waitForPort(port: number, again: () => void = () => {}): Promise<void> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    again();
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1");
      socket.once("connect", () => resolve(true));
      socket.once("error", () => resolve(false));
      socket.once("connect", () => socket.destroy());
    });
    if (isOpen) return;
    if (Date.now() > deadline) throw new Error(`No server answers on port ${port}.`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
