import { readdir, readFile, writeFile } from "node:fs/promises";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { unstable_getMiniflareWorkerOptions } from "wrangler";
import { applyMigrations, readMigrations } from "../../local/migrate.ts";
import { CONFIG_FILE, readEnvironment } from "../../local/project.ts";
import { ROOT } from "../../local/root.ts";
import { type Inspector, openInspector } from "./inspector.ts";
import { readLiveHeap } from "./live-heap.ts";

/** A running variant: workerd itself, without the proxy of `wrangler dev`. */
export interface RunningWorker {
  port: number;
  /** CPU time of its process so far, in milliseconds; `null` where the system does not report it. */
  readCpu(): Promise<number | null>;
  /** Resident memory of its process, in bytes; `null` where the system does not report it. */
  readMemory(): Promise<number | null>;
  /** Begins to measure the most memory of its process. */
  resetPeak(): Promise<void>;
  /** The most resident memory of its process since then, in bytes; `null` where the system does not report it. */
  readPeak(): Promise<number | null>;
  /** Bytes reachable in the Worker's own isolate after garbage collection. Needs an inspector. */
  readLiveHeap(): Promise<number>;
  /** Connects to the Worker's isolate. Needs an inspector. */
  openInspector(): Promise<Inspector>;
  migrate(): Promise<D1Database>;
  /** A database by its binding. */
  openDatabase(binding: string): Promise<D1Database>;
  stop(): Promise<void>;
}

/** Options of a running variant. */
export interface RunOptions {
  script: string;
  /** Compiled modules that it imports, by file name. */
  wasm?: Readonly<Record<string, Uint8Array>>;
  /** Files that it imports as bytes, by file name. */
  data?: Readonly<Record<string, Uint8Array>>;
  /** Folder of its storage. */
  folder: string;
  publicUrl: string;
  /** 0 for any free port. */
  port: number;
  /** Port of the runtime's inspector; without it there is none. */
  inspectorPort?: number;
  /** Variables besides those of the local environment. */
  variables?: Readonly<Record<string, string>>;
  /** Whether its queues keep their messages: in the cloud their consumer has other isolates than the calls. */
  keepsMessages?: boolean;
}

/** Starts a variant of the gateway in the local environment. */
export function startGateway({
  publicUrl,
  variables = {},
  keepsMessages = false,
  ...common
}: RunOptions): Promise<RunningWorker> {
  const { workerOptions } = unstable_getMiniflareWorkerOptions(CONFIG_FILE, "local");
  return start({
    ...workerOptions,
    ...commonOptions(common),
    ...(keepsMessages && { queueConsumers: {} }),
    bindings: { ...(workerOptions.bindings as Record<string, string>), PUBLIC_URL: publicUrl, ...variables },
  });
}

/** Starts the bare servers. */
export function startBare(common: Omit<RunOptions, "publicUrl" | "keepsMessages">): Promise<RunningWorker> {
  const { compatibility_date, compatibility_flags } = readEnvironment("local");
  return start({
    ...commonOptions(common),
    name: "bare",
    ...(compatibility_date !== undefined && { compatibilityDate: compatibility_date }),
    compatibilityFlags: compatibility_flags,
    durableObjects: {
      BARE_AGENT: { className: "BareAgent", useSQLite: true },
      NOTING_AGENT: { className: "NotingAgent", useSQLite: true },
      PLAIN_SESSION: { className: "PlainSession", useSQLite: true },
      BARE_NOTES: { className: "BareNotes", useSQLite: true },
    },
  });
}

function commonOptions({
  script,
  wasm = {},
  data = {},
  folder,
  port,
  inspectorPort,
}: Omit<RunOptions, "publicUrl" | "keepsMessages">) {
  return {
    ...SILENT,
    host: "127.0.0.1",
    port,
    resourcePersistencePath: folder,
    modules: [
      { type: "ESModule" as const, path: "index.js", contents: script },
      ...Object.entries(wasm).map(([path, contents]) => ({ type: "CompiledWasm" as const, path, contents })),
      ...Object.entries(data).map(([path, contents]) => ({ type: "Data" as const, path, contents })),
    ],
    ...(inspectorPort !== undefined && { inspectorPort, inspectorHost: "127.0.0.1" }),
  };
}

/** The Worker writes its logs, as in production, but nothing reads them. */
const SILENT = { logRequests: false, cf: false, handleStructuredLogs: () => {} } as const;

async function start(options: Parameters<typeof convertV4MiniflareOptions>[0]): Promise<RunningWorker> {
  const before = new Set(await listRuntimes());
  const miniflare = new Miniflare(convertV4MiniflareOptions(options));
  const { port } = await miniflare.ready;
  const process = (await listRuntimes()).find((pid) => !before.has(pid));
  const inspect = async () =>
    await openInspector(await miniflare.getInspectorURL(), `http://127.0.0.1:${port}/`);
  return {
    port: Number(port),
    readCpu: async () => (process === undefined ? null : await readCpuOf(process)),
    readMemory: async () => (process === undefined ? null : await readMemoryOf(process)),
    // proc(5), «clear_refs»: 5 resets the peak.
    resetPeak: async () =>
      process === undefined ? undefined : await writeFile(`/proc/${process}/clear_refs`, "5"),
    readPeak: async () => (process === undefined ? null : await readMemoryOf(process, "VmHWM")),
    openInspector: inspect,
    readLiveHeap: async () => await readLiveHeap(await inspect()),
    async migrate() {
      for (const { binding, migrations_dir } of readEnvironment("local").d1_databases) {
        const database = (await miniflare.getD1Database(binding)) as unknown as D1Database;
        await applyMigrations(database, await readMigrations(`${ROOT}/${migrations_dir}`));
      }
      return (await miniflare.getD1Database("PLATFORM_DB")) as unknown as D1Database;
    },
    openDatabase: async (binding) => (await miniflare.getD1Database(binding)) as unknown as D1Database,
    stop: () => miniflare.dispose(),
  };
}

/** Ids of the child processes of this one, where the system has `/proc`. */
async function listRuntimes(): Promise<string[]> {
  const ids = (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name));
  const parents = await Promise.all(ids.map(async (pid) => (await readStat(pid))[1]));
  return ids.filter((_pid, index) => Number(parents[index]) === process.pid);
}

/** Milliseconds in a tick of the kernel's clock, as Linux counts CPU time for programs. */
const TICK_MS = 10;

async function readCpuOf(pid: string): Promise<number | null> {
  const stat = await readStat(pid);
  const [user, system] = [Number(stat[11]), Number(stat[12])];
  return Number.isNaN(user + system) ? null : (user + system) * TICK_MS;
}

/** A field of `/proc/<pid>/status` (proc(5)), which is in KiB: what is in RAM, or was at most. */
async function readMemoryOf(pid: string, field: "VmRSS" | "VmHWM" = "VmRSS"): Promise<number | null> {
  const text = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  const kib = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(text)?.[1];
  return kib === undefined ? null : Number(kib) * 1024;
}

/** Fields of `/proc/<pid>/stat` from the state on (proc(5)); the name before it may contain any character. */
async function readStat(pid: string): Promise<string[]> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}
