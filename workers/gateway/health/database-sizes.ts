import { logFailure } from "../../../shared/observe/log.ts";
import { reportFullness } from "../../../shared/observe/storage-alarm.ts";

/** The D1 databases by binding. By the naming rule of wrangler.toml, so that a new server's database needs no change here. */
export function listDatabases(env: Env): [string, D1Database][] {
  return Object.entries({ ...env }).filter(([name]) => name.endsWith("_DB")) as [string, D1Database][];
}

/** Logs an error for every database above the alarm and returns their number. A database that does not answer is logged and left out. */
export async function reportDatabaseSizes(env: Env): Promise<number> {
  const reports = await Promise.all(
    listDatabases(env).map(async ([name, database]) => {
      try {
        const { meta } = await database.prepare("SELECT 1").run();
        return reportFullness(name, meta.size_after);
      } catch (failure) {
        logFailure("database_size_unknown", failure, { database: name });
        return null;
      }
    }),
  );
  return reports.filter((fullness) => fullness !== null).length;
}
