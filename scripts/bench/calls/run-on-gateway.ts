import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { reportFailure } from "../../local/failure.ts";
import { pickPort } from "../../local/port.ts";
import { buildVariant } from "./build.ts";
import { type RunningWorker, startGateway } from "./runtime.ts";
import { GUARDED } from "./variants.ts";

/** The guarded gateway of a bench, on empty storage. */
export interface BenchGateway {
  worker: RunningWorker;
  port: number;
  publicUrl: string;
  /** The migrated platform database. */
  platform: D1Database;
}

/**
 * Runs a bench that starts the guarded gateway once it has read its options. At the end the gateway is stopped and its
 * storage removed; a failure is reported as that of a command.
 *
 * @param name - goes into the name of the storage's folder
 */
export async function runOnGateway(
  name: string,
  run: (start: () => Promise<BenchGateway>) => Promise<void>,
): Promise<void> {
  process.env.WRANGLER_LOG = "error";
  process.env.WRANGLER_WRITE_LOGS = "false";
  const folder = await mkdtemp(path.join(os.tmpdir(), `gatehouse-${name}-`));
  let worker: RunningWorker | undefined;
  try {
    await run(async () => {
      const { script, wasm } = await buildVariant(GUARDED);
      const port = await pickPort();
      const publicUrl = `http://localhost:${port}`;
      worker = await startGateway({ script, wasm, folder, publicUrl, port });
      return { worker, port, publicUrl, platform: await worker.migrate() };
    });
  } catch (failure) {
    process.exitCode = reportFailure(failure);
  } finally {
    await worker?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}
