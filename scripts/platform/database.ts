import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { CommandFailure } from "../local/failure.ts";
import { type ProcessResult, runWrangler } from "../local/process.ts";
import { type EnvironmentName, environmentFlag } from "../local/project.ts";
import { requireStorage } from "../local/storage.ts";

/** One row of the answer to a question. */
export type Row = Record<string, string | number | null>;

/** The platform database of one environment, reached through `wrangler d1 execute`. */
export interface PlatformDatabase {
  /** Asks one question. */
  query(sql: string): Promise<Row[]>;
  /** Changes data. The statements travel in a file that only this user can read, not on a command line. */
  change(sql: string): Promise<void>;
}

/** Opens the platform database: embedded storage for `local`, the deployed database for the others. */
export function openPlatformDatabase(environment: EnvironmentName, stateFolder?: string): PlatformDatabase {
  const place =
    environment === "local"
      ? ["--local", ...(stateFolder === undefined ? [] : ["--persist-to", stateFolder])]
      : ["--remote"];
  const execute = async (input: readonly string[]): Promise<ProcessResult> => {
    if (environment === "local") requireStorage(stateFolder);
    const result = await runWrangler(
      ["d1", "execute", "PLATFORM_DB", environmentFlag(environment), ...place, "--yes", "--json", ...input],
      { env: { CI: "1" } },
    );
    if (result.code !== 0) throw explain(environment, result);
    return result;
  };
  return {
    async query(sql) {
      const { stdout } = await execute(["--command", sql]);
      const answers = JSON.parse(stdout.slice(stdout.indexOf("["))) as { results?: Row[] }[];
      return answers[0]?.results ?? [];
    },
    async change(sql) {
      const folder = await mkdtemp(path.join(os.tmpdir(), "gatehouse-people-"));
      try {
        const file = path.join(folder, "change.sql");
        await writeFile(file, sql, { mode: 0o600 });
        await execute(["--file", file]);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  };
}

function explain(environment: EnvironmentName, { stdout, stderr }: ProcessResult): CommandFailure {
  const text = `${stdout}\n${stderr}`.trim();
  const start = environment === "local" ? "npm start" : `npm run deploy -- --env ${environment}`;
  return text.includes("no such table")
    ? new CommandFailure(`The ${environment} database has no tables yet.`, `Run once: ${start}`)
    : new CommandFailure(
        `wrangler could not reach the ${environment} database.`,
        environment === "local" ? "Its message is below." : "Sign in with: npx wrangler login",
        readWranglerError(text) ?? text.slice(-1_500),
      );
}

/** The sentence inside of `{"error": {"text": …}}`, which is how wrangler fails under `--json`; else `null`. */
function readWranglerError(text: string): string | null {
  try {
    const { error } = JSON.parse(text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1));
    return typeof error?.text === "string" ? error.text : null;
  } catch {
    return null;
  }
}
