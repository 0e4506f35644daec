import { logFailure } from "../../../shared/observe/log.ts";
import { reportFullness } from "../../../shared/observe/storage-alarm.ts";

/** The databases of D1 by binding. The naming rule of wrangler.toml finds that of a new server without a change here. */
export function listDatabases(env: Env): [string, D1Database][] {
  return Object.entries({ ...env }).filter(([name]) => name.endsWith("_DB")) as [string, D1Database][];
}

/** Logs an error for every database that fills up. Says how many did; what does not answer is logged and left out. */
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
