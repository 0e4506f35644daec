import { reject } from "../refuse.ts";

/**
 * PostgreSQL's own parser (`libpg-query`) as a static module. The package's own loader needs a file system or a
 * fetch and compiles at run time, which a Worker may not. Names of imports and exports are those of the build
 * 18.1.5, which minifies them; the version is pinned, and the tests of the judge fail if the letters change.
 */
interface Exports {
  /** Memory. */
  z: WebAssembly.Memory;
  /** Table of functions. */
  D: WebAssembly.Table;
  /** Constructors of the C runtime. */
  A(): void;
  /** `malloc`. */
  C(bytes: number): number;
  /** `free`. */
  E(pointer: number): void;
  /** `wasm_parse_query_raw`: pointer to { tree, stderr, error }. */
  F(text: number): number;
  /** `wasm_free_parse_result`. */
  G(result: number): void;
  /** `setThrew`. */
  P(threw: number, value: number): void;
  /** `emscripten_stack_restore`. */
  Q(pointer: number): void;
  /** `emscripten_stack_get_current`. */
  R(): number;
}

/** Most bytes that a parse may take. */
const MOST_MEMORY = 64 * 1024 * 1024;
/** An instance that has grown beyond this is dropped. */
const KEPT_MEMORY = 48 * 1024 * 1024;
const PAGE = 65_536;

/** C's `longjmp`, by which PostgreSQL reports an error. */
class LongJump extends Error {}

let loading: Promise<WebAssembly.Module> | undefined;
let idle: Exports | undefined;

/** The statements of a text as libpg_query's JSON tree. Throws a `ToolError` for what is not PostgreSQL's SQL. */
export async function parseStatements(sql: string): Promise<readonly unknown[]> {
  loading ??= import("./parser.wasm").then((module) => module.default);
  let module: WebAssembly.Module;
  try {
    module = await loading;
  } catch (failure) {
    // The next statement tries again.
    loading = undefined;
    throw failure;
  }
  return parse(module, sql);
}

/** An instance parses again only if it returned by itself: a stack overflow leaves its memory in an unknown state. */
function parse(module: WebAssembly.Module, sql: string): readonly unknown[] {
  try {
    const exports = idle ?? instantiate(module);
    idle = undefined;
    const { tree, error } = run(exports, sql);
    if (exports.z.buffer.byteLength <= KEPT_MEMORY) idle = exports;
    if (error !== null) throw syntaxError(sql, error);
    const { stmts } = JSON.parse(tree) as { stmts?: { stmt?: unknown }[] };
    return (stmts ?? []).map(({ stmt }) => stmt);
  } catch (failure) {
    const isTooDeep =
      failure instanceof RangeError ||
      failure instanceof WebAssembly.RuntimeError ||
      failure instanceof LongJump;
    if (isTooDeep) throw reject("The statement is nested too deeply.");
    throw failure;
  }
}

function run(exports: Exports, sql: string): { tree: string; error: number | null } {
  const text = new TextEncoder().encode(sql);
  const pointer = exports.C(text.length + 1);
  if (pointer === 0) throw new RangeError("No memory for the statement.");
  const memory = new Uint8Array(exports.z.buffer);
  memory.set(text, pointer);
  memory[pointer + text.length] = 0;
  const result = exports.F(pointer);
  const outcome = readResult(exports.z.buffer, result);
  exports.G(result);
  exports.E(pointer);
  return outcome;
}

function readResult(buffer: ArrayBuffer, result: number): { tree: string; error: number | null } {
  const view = new DataView(buffer);
  const error = view.getUint32(result + 8, true);
  // The fifth word of an error is its position in characters, counted from 1.
  if (error !== 0) return { tree: "", error: view.getInt32(error + 16, true) };
  const start = view.getUint32(result, true);
  const bytes = new Uint8Array(buffer);
  return { tree: new TextDecoder().decode(bytes.subarray(start, bytes.indexOf(0, start))), error: null };
}

function syntaxError(sql: string, position: number): Error {
  const at = Math.max(0, position - 1);
  const near = [...sql].slice(at, at + 30).join("");
  const where = near === "" ? "at its end" : `at character ${at + 1}, near ${JSON.stringify(near)}`;
  return reject(`The statement is not valid PostgreSQL ${where}.`);
}

function instantiate(module: WebAssembly.Module): Exports {
  const call = (index: number, ...values: unknown[]): unknown => {
    const stack = exports.R();
    try {
      return (exports.D.get(index) as (...values: unknown[]) => unknown)(...values);
    } catch (failure) {
      exports.Q(stack);
      if (!(failure instanceof LongJump)) throw failure;
      exports.P(1, 0);
      return undefined;
    }
  };
  const stop = (): never => {
    throw new RangeError("The parser gave up.");
  };
  const badDescriptor = (): number => 8;
  const invokers = Object.fromEntries([..."abdefghijkny"].map((letter) => [letter, call]));
  const instance = new WebAssembly.Instance(module, {
    a: {
      ...invokers,
      // Returns a 64-bit number, which JavaScript writes as a bigint.
      l: (index: number, value: unknown) => call(index, value) ?? 0n,
      p: () => {
        throw new LongJump();
      },
      q: (bytes: number) => grow(exports.z, bytes >>> 0),
      // assert, abort, exit and proc_exit.
      ...{ c: stop, x: stop, m: stop, v: stop },
      // Timers and open files do not exist here.
      ...{
        w: () => undefined,
        o: () => 0,
        u: badDescriptor,
        r: badDescriptor,
        s: badDescriptor,
        t: badDescriptor,
      },
    },
  });
  const exports = instance.exports as unknown as Exports;
  exports.A();
  return exports;
}

function grow(memory: WebAssembly.Memory, bytes: number): 0 | 1 {
  if (bytes > MOST_MEMORY) return 0;
  try {
    memory.grow(Math.ceil((bytes - memory.buffer.byteLength) / PAGE));
    return 1;
  } catch {
    return 0;
  }
}
