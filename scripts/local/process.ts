import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { createInterface } from "node:readline";
import { ROOT } from "./root.ts";

/** Result of a finished child process. `code` is 128 or more after a signal. */
export interface ProcessResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** Options of a child process. */
export interface RunOptions {
  /** Sends the child's output straight to this terminal instead of keeping it. */
  visible?: boolean;
  /** Gets each line of the child's output as it comes, in place of the result. */
  onLine?(line: string): void;
  /** Added to this process's environment; `undefined` removes a variable. */
  env?: Record<string, string | undefined>;
  /** Written to the child's standard input, which is closed otherwise. */
  stdin?: string;
  /** Working folder; default: the project. */
  cwd?: string;
}

/** Compiled code that Node keeps between processes; `npm ci` removes it. */
const COMPILE_CACHE = path.join(ROOT, "node_modules/.cache/compiled");

const projectRequire = createRequire(path.join(ROOT, "package.json"));

/**
 * Finds the script of a package's command. Running it with this process's own Node works the same on every
 * system and never uses an older Node. Throws when the package is not installed.
 */
export function resolveCommand(packageName: string, command = packageName): string {
  const manifest = findManifest(packageName);
  const { bin } = JSON.parse(readFileSync(manifest, "utf8")) as { bin?: string | Record<string, string> };
  const script = typeof bin === "string" ? bin : bin?.[command];
  if (script === undefined) throw new Error(`The package ${packageName} has no command "${command}".`);
  return path.join(path.dirname(manifest), script);
}

function findManifest(packageName: string): string {
  for (const folder of projectRequire.resolve.paths(packageName) ?? []) {
    const manifest = path.join(folder, packageName, "package.json");
    try {
      readFileSync(manifest);
      return manifest;
    } catch {
      // The next parent folder may have it.
    }
  }
  throw new Error(`The package ${packageName} is not installed. Run: npm ci`);
}

/** Starts a Node script as a child process. */
export function startNode(script: string, args: readonly string[], options: RunOptions = {}): ChildProcess {
  const stdin = options.stdin === undefined ? "ignore" : "pipe";
  const output = options.visible ? "inherit" : "pipe";
  const child = spawn(process.execPath, [script, ...args], {
    cwd: options.cwd ?? ROOT,
    env: childEnvironment(options.env),
    stdio: [stdin, output, output],
  });
  child.stdin?.end(options.stdin);
  return child;
}

/** Runs a Node script to its end. Does not throw when it fails: check `code`. */
export function runNode(
  script: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<ProcessResult> {
  return new Promise((resolve, reject) => {
    const child = startNode(script, args, options);
    let stdout = "";
    let stderr = "";
    const { onLine } = options;
    if (onLine) {
      for (const input of [child.stdout, child.stderr])
        if (input) createInterface({ input }).on("line", onLine);
    } else {
      child.stdout?.setEncoding("utf8").on("data", (text: string) => {
        stdout += text;
      });
      child.stderr?.setEncoding("utf8").on("data", (text: string) => {
        stderr += text;
      });
    }
    child.once("error", reject);
    child.once("close", (code) => resolve({ code: code ?? 128, stdout, stderr }));
  });
}

/** Runs wrangler to its end, see {@link runNode}. */
export function runWrangler(args: readonly string[], options: RunOptions = {}): Promise<ProcessResult> {
  return runNode(resolveCommand("wrangler"), args, options);
}

function childEnvironment(changes: RunOptions["env"] = {}): NodeJS.ProcessEnv {
  const nodeFolder = path.dirname(process.execPath);
  const environment: NodeJS.ProcessEnv = {
    ...process.env,
    // Grandchildren (a test runner's workers, a formatter's launcher) must find this Node first as well.
    PATH: [nodeFolder, process.env.PATH].filter(Boolean).join(path.delimiter),
    WRANGLER_SEND_METRICS: "false",
    // Wrangler and the test runner are megabytes of script, which each process would compile for itself.
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? COMPILE_CACHE,
    ...changes,
  };
  for (const [name, value] of Object.entries(changes)) if (value === undefined) delete environment[name];
  return environment;
}
