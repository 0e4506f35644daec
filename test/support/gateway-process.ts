import path from "node:path";
import { createTestHarness, type Unstable_RawConfig } from "wrangler";
import { readEnvironment } from "../../scripts/local/project.ts";
import { ROOT } from "../../scripts/local/root.ts";
import { CODE_LOADER } from "../../shared/server/code/loader.ts";
import { type Front, openFront } from "./front.ts";

// A test run must not use the internet; and the emulator's own messages must not mix with its results.
process.env.WRANGLER_SEND_METRICS = "false";
process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";
process.env.WRANGLER_LOG = "error";
process.env.WRANGLER_WRITE_LOGS = "false";

/** Options of a gateway. */
export interface GatewayOptions {
  /** Entry module, from the project's folder. Default: the deployed one. */
  main?: string;
  /** Session objects that only `main` has. */
  agents?: readonly { binding: string; className: string }[];
  /** Variables that differ from the local environment's. */
  vars?: Readonly<Record<string, string>>;
  /**
   * Whether the same Worker also runs in another isolate, over the same databases and objects. Objects and
   * the queue consumer are in the first, which receives all requests; it reaches the other as its service
   * `OTHER_ISOLATE`.
   */
  twoIsolates?: boolean;
  /** Whether a model's code may run over the tools: a Worker Loader is bound. */
  runsCode?: boolean;
  /** Fills the migrated databases. */
  seed?(env: Env): Promise<void>;
}

/** A running Gatehouse with its own storage, which is removed when it stops. */
export interface GatewayProcess {
  /** The public origin, such as `http://localhost:40123`. */
  url: string;
  /** The proxy in front of the Worker; can add a token for clients that cannot sign in. */
  front: Front;
  /** Lines that the Worker logged with `console.*`, oldest first. */
  readLog(): string[];
  /** Evicts a Durable Object, as the platform may at any time. Its storage stays. */
  evict(binding: string, name: string): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Builds the Worker as `wrangler deploy` would, and starts it in workerd in the local environment with empty,
 * migrated databases. OAuth resources are exact URLs, so the public URL is the URL of the front.
 */
export async function startGateway(options: GatewayOptions = {}): Promise<GatewayProcess> {
  const front = await openFront();
  const only = configure(front.url, options);
  const workers = (options.twoIsolates ? doubled(only) : [only]).map((config) => ({ config }));
  const harness = createTestHarness({ root: ROOT, workers });
  const stop = async () => {
    await harness.close();
    await front.close();
  };
  try {
    const { url } = await harness.listen();
    const worker = harness.getWorker<Env>();
    for (const { binding } of readEnvironment("local").d1_databases) {
      await worker.applyD1Migrations(binding as "PLATFORM_DB");
    }
    await options.seed?.(await worker.getEnv());
    front.target = url;
    return {
      url: front.url,
      front,
      readLog: () => harness.getLogs().map(({ message }) => message),
      evict: (binding, name) => worker.evictDurableObject(binding as "PRINCIPAL", { name }),
      stop,
    };
  } catch (failure) {
    await stop();
    throw failure;
  }
}

/**
 * The Worker, and the same again with the objects of the first. A queue has one consumer, so the second has
 * none.
 */
function doubled(first: Unstable_RawConfig): [Unstable_RawConfig, Unstable_RawConfig] {
  const { migrations: _, ...shared } = first;
  const name = `${first.name}-other`;
  const bindings = (first.durable_objects?.bindings ?? []).map((binding) => ({
    ...binding,
    script_name: String(first.name),
  }));
  const queues = { producers: first.queues?.producers ?? [] };
  return [
    { ...first, services: [{ binding: "OTHER_ISOLATE", service: name }] },
    { ...shared, name, queues, durable_objects: { bindings } },
  ];
}

/** The local environment of `wrangler.toml`, with the test's changes. */
function configure(
  publicUrl: string,
  { main, agents = [], vars, runsCode }: GatewayOptions,
): Unstable_RawConfig {
  const local = readEnvironment("local");
  const classes = agents.map(({ className }) => className);
  return {
    name: "gatehouse-test",
    main: path.resolve(ROOT, main ?? local.main ?? "workers/index.ts"),
    compatibility_date: local.compatibility_date,
    compatibility_flags: local.compatibility_flags,
    rules: local.rules,
    // A deployment is minified, a local start is not.
    minify: readEnvironment("production").minify,
    vars: { ...local.vars, ...vars, PUBLIC_URL: publicUrl },
    kv_namespaces: local.kv_namespaces,
    r2_buckets: local.r2_buckets,
    d1_databases: local.d1_databases,
    queues: local.queues,
    ...(runsCode && { worker_loaders: [{ binding: CODE_LOADER }] }),
    durable_objects: {
      bindings: [
        ...local.durable_objects.bindings,
        ...agents.map(({ binding, className }) => ({ name: binding, class_name: className })),
      ],
    },
    migrations: [
      ...local.migrations,
      ...(classes.length > 0 ? [{ tag: "test", new_sqlite_classes: classes }] : []),
    ],
  } as Unstable_RawConfig;
}
