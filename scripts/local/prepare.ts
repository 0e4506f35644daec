import { type LocalDatabase, type LocalDatabases, openLocalDatabases } from "./databases.ts";
import { CommandFailure } from "./failure.ts";
import { emptyDatabase, type LoadState, type Marker, readMarker, writeMarker } from "./marker.ts";
import { applyMigrations, type Migration, readMigrations } from "./migrate.ts";

/**
 * Loads one database's demonstration data. `report` takes progress texts; `media` stores pictures and
 * recordings.
 */
export interface Loader {
  /** Description of the data for messages: `contacts and deals`. */
  what: string;
  /**
   * Options that change the data, as text. Stored with the data, so that a later start can detect a
   * difference.
   */
  options: string;
  load(database: D1Database, report: (text: string) => void, media: R2Bucket): Promise<void>;
  /**
   * Runs the Worker's gradual work after an upgrade at once: every start calls it, and it returns the number
   * of changed rows.
   */
  settle?(database: D1Database): Promise<number>;
}

/** Options of {@link prepareDatabases}. */
export interface Preparation {
  /** The folder of `wrangler dev --persist-to`. */
  stateFolder: string;
  /** By binding. A database without a loader stays empty. */
  loaders: Readonly<Record<string, Loader>>;
  /** Announces a step and times it. */
  step<T>(title: string, work: (report: (text: string) => void) => Promise<T>): Promise<T>;
  note(text: string): void;
  /** Runs at the end, while the databases are open. */
  finish?(databases: LocalDatabases): Promise<void>;
}

/**
 * Migrates the local databases and loads demonstration data exactly once. The database itself records
 * finished steps: an interrupted load is emptied and repeated.
 */
export async function prepareDatabases(preparation: Preparation): Promise<void> {
  const databases = await openLocalDatabases(preparation.stateFolder);
  try {
    const states = await Promise.all(databases.all.map(readState));
    const repaired = states.filter(({ marker }) => marker.load === "started");
    for (const { database } of repaired) {
      preparation.note(
        `The last start ended while it loaded ${database.name}; that database is loaded again.`,
      );
      await emptyDatabase(database.connection);
    }
    const current = repaired.length === 0 ? states : await Promise.all(databases.all.map(readState));
    await migrateAll(current, preparation);
    for (const state of current) {
      await loadOnce(state, preparation, databases.media);
      await preparation.loaders[state.database.binding]?.settle?.(state.database.connection);
    }
    await preparation.finish?.(databases);
  } finally {
    await databases.close();
  }
}

interface DatabaseState {
  database: LocalDatabase;
  marker: Marker;
  migrations: Migration[];
}

async function readState(database: LocalDatabase): Promise<DatabaseState> {
  const [marker, migrations] = await Promise.all([
    readMarker(database.connection),
    readMigrations(database.migrationsFolder),
  ]);
  return { database, marker, migrations };
}

async function migrateAll(states: readonly DatabaseState[], preparation: Preparation): Promise<void> {
  const pending = states.filter(({ marker, migrations }) => {
    rejectEditedMigrations(marker, migrations);
    return migrations.some(({ name }) => marker.migrations[name] === undefined);
  });
  if (pending.length === 0) return;
  await preparation.step("Applying migrations", async (report) => {
    for (const { database, marker, migrations } of pending) {
      const applied = await applyMigrations(database.connection, migrations).catch((cause: unknown) => {
        throw new CommandFailure(
          `A migration of the ${database.name} database failed.`,
          "Correct the file; nothing of it was applied. To begin with empty databases: npm start -- --reset",
          cause,
        );
      });
      const known = migrations.filter(({ name }) => marker.migrations[name] === undefined);
      const rows = known.map(({ name, fingerprint }) => [`migration:${name}`, fingerprint]);
      await writeMarker(database.connection, Object.fromEntries(rows));
      report(`${database.name} ${applied.length}`);
    }
  });
}

function rejectEditedMigrations(marker: Marker, migrations: readonly Migration[]): void {
  for (const { name, fingerprint } of migrations) {
    const applied = marker.migrations[name];
    if (applied !== undefined && applied !== fingerprint) {
      throw new CommandFailure(
        `The migration ${name} was changed after it was applied here.`,
        "Put the change in a new migration file, or begin with empty databases: npm start -- --reset",
      );
    }
  }
}

async function loadOnce(
  { database, marker }: DatabaseState,
  preparation: Preparation,
  media: R2Bucket,
): Promise<void> {
  const loader = preparation.loaders[database.binding];
  if (loader === undefined) return;
  // After a repair the marker is that of an emptied database, so it cannot be "started" here.
  const loaded: LoadState = marker.load;
  if (loaded === "done") {
    if (marker.options !== loader.options) {
      preparation.note(
        `Kept ${loader.what} as loaded before (${marker.options}). To load ${loader.options}: add --reset`,
      );
    }
    return;
  }
  await preparation.step(`Loading ${loader.what}`, async (report) => {
    await writeMarker(database.connection, { load: "started" });
    await loader.load(database.connection, report, media).catch((cause: unknown) => {
      throw new CommandFailure(
        `Loading ${loader.what} failed.`,
        "The next start empties that database and tries again. To start with empty storage: npm start -- --reset",
        cause,
      );
    });
    await writeMarker(database.connection, { load: "done", options: loader.options });
  });
}
