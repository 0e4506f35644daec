import path from "node:path";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { readEnvironment } from "./project.ts";
import { ROOT } from "./root.ts";
import { isRuntimeNoise } from "./runtime-noise.ts";

/** One D1 database of the local environment. */
export interface LocalDatabase {
  /** The binding, such as `CRM_DB`. */
  binding: string;
  /** The last word of the binding in lower case, for messages: `crm`. */
  name: string;
  /** Absolute path of the folder with its migrations. */
  migrationsFolder: string;
  connection: D1Database;
}

/** The opened local databases. Close them before the Worker starts: only one process may own the files. */
export interface LocalDatabases {
  all: readonly LocalDatabase[];
  /** The R2 bucket of pictures and recordings. */
  media: R2Bucket;
  /** The R2 bucket of the audit trail. */
  segments: R2Bucket;
  close(): Promise<void>;
}

/**
 * Opens the D1 databases and buckets of the local environment on embedded storage. `stateFolder` is the folder of
 * `wrangler dev --persist-to`; `null` opens empty ones in memory. Deployed ones cannot be reached: the connections belong to
 * an emulator process on this machine.
 */
export async function openLocalDatabases(stateFolder: string | null): Promise<LocalDatabases> {
  const { compatibility_date, d1_databases, r2_buckets } = readEnvironment("local");
  // With the databases only: with the whole Worker, the emulator warns about missing Durable Objects. Named as wrangler
  // names them, because that names the files.
  const runtime = new Miniflare(
    convertV4MiniflareOptions({
      name: "gatehouse-local",
      modules: true,
      script: "",
      cf: false,
      ...(compatibility_date !== undefined && { compatibilityDate: compatibility_date }),
      d1Databases: Object.fromEntries(
        d1_databases.map(({ binding, database_id }) => [binding, database_id ?? binding]),
      ),
      r2Buckets: Object.fromEntries(
        r2_buckets.map(({ binding, bucket_name }) => [binding, bucket_name ?? binding]),
      ),
      ...(stateFolder !== null && { resourcePersistencePath: path.join(stateFolder, "v3") }),
      handleStructuredLogs: ({ message }) => {
        if (!isRuntimeNoise(message)) console.error(message);
      },
    }),
  );
  const bindings = await runtime.getBindings<
    Record<string, D1Database> & { MEDIA: R2Bucket; AUDIT_SEGMENTS: R2Bucket }
  >();
  return {
    all: d1_databases.map(({ binding, migrations_dir }) => ({
      binding,
      name: binding.replace(/_DB$/, "").toLowerCase(),
      migrationsFolder: path.resolve(ROOT, migrations_dir ?? "migrations"),
      connection: requireBinding(bindings, binding),
    })),
    media: bindings.MEDIA,
    segments: bindings.AUDIT_SEGMENTS,
    close: () => runtime.dispose(),
  };
}

function requireBinding(bindings: Record<string, D1Database>, name: string): D1Database {
  const database = bindings[name];
  if (database === undefined) throw new Error(`The local emulator did not open ${name}.`);
  return database;
}
