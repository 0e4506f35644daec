import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { readEnvironment } from "./project.ts";
import { ROOT } from "./root.ts";

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
 * Opens the D1 databases of the local environment on embedded storage. `stateFolder` is the folder of
 * `wrangler dev --persist-to`; `null` opens empty databases in memory. Deployed databases cannot be reached:
 * the connections belong to an emulator process on this machine, and remote bindings are off.
 */
export async function openLocalDatabases(stateFolder: string | null): Promise<LocalDatabases> {
  const { compatibility_date, d1_databases, r2_buckets } = readEnvironment("local");
  const folder = await mkdtemp(path.join(os.tmpdir(), "gatehouse-"));
  // A configuration with the databases only: with the whole Worker, the emulator warns about missing Durable
  // Objects. Local storage is keyed by binding, so both use the same files.
  const configPath = path.join(folder, "wrangler.json");
  const databases = d1_databases.map(({ binding, database_name, database_id }) => ({
    binding,
    database_name,
    database_id,
  }));
  await writeFile(
    configPath,
    JSON.stringify({ name: "gatehouse-local", compatibility_date, d1_databases: databases, r2_buckets }),
  );
  try {
    // Loaded here, as in readEnvironment.
    const { getPlatformProxy } = await import("wrangler");
    const platform = await getPlatformProxy<
      Record<string, D1Database> & { MEDIA: R2Bucket; AUDIT_SEGMENTS: R2Bucket }
    >({
      configPath,
      persist: stateFolder === null ? false : { path: path.join(stateFolder, "v3") },
      remoteBindings: false,
      envFiles: [],
    });
    return {
      all: d1_databases.map(({ binding, migrations_dir }) => ({
        binding,
        name: binding.replace(/_DB$/, "").toLowerCase(),
        migrationsFolder: path.resolve(ROOT, migrations_dir ?? "migrations"),
        connection: requireBinding(platform.env, binding),
      })),
      media: platform.env.MEDIA,
      segments: platform.env.AUDIT_SEGMENTS,
      close: () => platform.dispose(),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function requireBinding(bindings: Record<string, D1Database>, name: string): D1Database {
  const database = bindings[name];
  if (database === undefined) throw new Error(`The local emulator did not open ${name}.`);
  return database;
}
