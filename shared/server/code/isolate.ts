import { RpcTarget } from "cloudflare:workers";

/** What a program may ask of the host. Everything that crosses is text: no object of one side lives on the other. */
export interface ProgramHost {
  call(tool: string, args: string): Promise<string>;
  find(words: string): Promise<string>;
  describe(tool: string): Promise<string>;
}

/** The one object that an isolate gets. It has no properties; its methods act for the caller of the run. */
class ProgramPort extends RpcTarget {
  readonly #host: ProgramHost;

  constructor(host: ProgramHost) {
    super();
    this.#host = host;
  }

  call(tool: unknown, args: unknown): Promise<string> {
    return this.#host.call(String(tool), String(args));
  }

  find(words: unknown): Promise<string> {
    return this.#host.find(String(words));
  }

  describe(tool: unknown): Promise<string> {
    return this.#host.describe(String(tool));
  }
}

/** Before 2026-08-04, so that Node's modules are not there. */
const COMPATIBILITY_DATE = "2026-01-20";

/** CPU time of a program in milliseconds; enforced by Cloudflare and not by a local runtime. */
const CPU_MS = 5_000;

/**
 * Loads a program into an isolate of its own, without network, bindings and secrets, and runs it. Resolves with its
 * result as JSON. Rejects with what it throws, or if it cannot be loaded.
 *
 * @param at - the time that the program sees: it stands still, so that the program does the same when it runs again
 */
export async function runIsolated(
  loader: WorkerLoader,
  { code, at }: { code: string; at: number },
  host: ProgramHost,
): Promise<string> {
  const worker = loader.load({
    compatibilityDate: COMPATIBILITY_DATE,
    mainModule: "main.js",
    modules: { "main.js": MAIN, "fixed.js": fixedGlobals(at), "program.js": wrap(code) },
    // No request leaves, whatever the code finds to make one with.
    globalOutbound: null,
    limits: { cpuMs: CPU_MS },
  });
  const entrypoint = worker.getEntrypoint() as unknown as { run(port: ProgramPort): Promise<string> };
  return await entrypoint.run(new ProgramPort(host));
}

function wrap(code: string): string {
  return `export default async (tools) => {\n${code}\n};`;
}

const MAIN = `
import "./fixed.js";
import { WorkerEntrypoint } from "cloudflare:workers";
import program from "./program.js";

export default class extends WorkerEntrypoint {
  async run(port) {
    const ask = async (answer) => {
      const outcome = JSON.parse(await answer);
      if (outcome.ok) return outcome.value;
      throw Object.assign(new Error(outcome.error.message), outcome.error);
    };
    const own = {
      call: (tool, args = {}) => ask(port.call(String(tool), JSON.stringify(args))),
      find: (words) => ask(port.find(String(words))),
      describe: (tool) => ask(port.describe(String(tool))),
    };
    const tools = new Proxy(own, {
      get(target, name) {
        if (typeof name === "symbol" || name === "then") return undefined;
        return Object.hasOwn(target, name) ? target[name] : (args) => target.call(name, args);
      },
    });
    return JSON.stringify((await program(tools)) ?? null);
  }
}
`;

/**
 * Clock and chance of the isolate: the same in every run of a program. What waits or reaches out by itself is taken away
 * for clear errors; what keeps the code in is the isolate.
 */
function fixedGlobals(at: number): string {
  return `
const RealDate = Date;
const at = ${Math.trunc(at)};
RealDate.now = () => at;
const FixedDate = new Proxy(RealDate, {
  construct: (target, args, own) => Reflect.construct(target, args.length > 0 ? args : [at], own),
  apply: () => new RealDate(at).toString(),
});
RealDate.prototype.constructor = FixedDate;
let state = at >>> 0;
Math.random = () => {
  state = (state + 0x6d2b79f5) >>> 0;
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
};
const set = (name, value) => Object.defineProperty(globalThis, name, { value, configurable: false, writable: false });
set("Date", FixedDate);
for (const name of [
  "fetch", "WebSocket", "EventSource", "caches", "crypto", "performance", "setTimeout", "setInterval", "setImmediate",
  "scheduler", "Temporal", "navigator", "WebAssembly",
]) set(name, undefined);
// What code prints would be in the log.
for (const name of Object.keys(console)) console[name] = () => {};
if (globalThis.Intl) Intl.DateTimeFormat = undefined;
`;
}
