import type { unstable_DevEnv as DevelopmentEnvironment } from "wrangler";
import { startClock } from "./clock.ts";
import { CommandFailure } from "./failure.ts";
import { CONFIG_FILE } from "./project.ts";

/** A line that the Worker logged with `console.*`. */
export interface WorkerLine {
  /** `debug`, `log`, `info`, `warn`, `error`. */
  level: string;
  message: string;
}

/** The running Worker. */
export interface LocalServer {
  /** `http://localhost:<port>`, without a slash at the end. */
  url: string;
  /** Stops the Worker and its runtime process; resolves when both have ended. */
  stop(): Promise<void>;
}

/** Options of the Worker. */
export interface ServerOptions {
  port: number;
  /** The folder of `wrangler dev --persist-to`. */
  stateFolder: string;
  /** Rebuilds when a source file changes. */
  watch: boolean;
  /** Variables that differ from the local environment's. */
  vars?: Readonly<Record<string, string>>;
  onLine(line: WorkerLine): void;
}

/**
 * Builds the Worker, starts it in the local environment and waits until `/health` answers. OAuth resources
 * are exact URLs, so the public URL includes the port.
 */
export async function startServer(options: ServerOptions): Promise<LocalServer> {
  const url = `http://localhost:${options.port}`;
  // Loaded here, as in readEnvironment.
  const { unstable_DevEnv: DevEnv } = await import("wrangler");
  const development = new DevEnv();
  const failure = waitForFailure(development);
  const worker = await development.startWorker({
    config: CONFIG_FILE,
    env: "local",
    envFiles: [],
    bindings: Object.fromEntries(
      Object.entries({ ...options.vars, PUBLIC_URL: url }).map(([name, value]) => [
        name,
        { type: "plain_text" as const, value },
      ]),
    ),
    dev: {
      server: { hostname: "localhost", port: options.port },
      persist: options.stateFolder,
      inspector: false,
      watch: options.watch,
      logLevel: "error",
      structuredLogsHandler: options.onLine,
    },
  });
  try {
    // When the first build fails, the proxy keeps requests waiting for a corrected file.
    await Promise.race([worker.ready.then(() => requireHealth(url)), failure]);
  } catch (cause) {
    await development.teardown();
    throw cause;
  }
  const stopClock = startClock(url);
  return {
    url,
    stop() {
      stopClock();
      return development.teardown();
    },
  };
}

function waitForFailure(development: DevelopmentEnvironment): Promise<never> {
  return new Promise((_resolve, reject) => {
    const fail = (cause: unknown) =>
      reject(new CommandFailure("The Worker could not be started.", "Its messages above say why.", cause));
    development.once("buildFailed", () => fail(undefined));
    development.once("error", fail);
    development.once("runtimeError", fail);
  });
}

async function requireHealth(url: string): Promise<void> {
  const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(60_000) }).catch(
    (cause: unknown) => {
      throw new CommandFailure(
        "Gatehouse started but does not answer.",
        "Its messages above say why. Try again; if it fails again, start with empty storage: npm start -- --reset",
        cause,
      );
    },
  );
  await response.body?.cancel();
  if (!response.ok) {
    throw new CommandFailure(
      `Gatehouse started but answers /health with status ${response.status}.`,
      "Its messages above say why.",
    );
  }
}
