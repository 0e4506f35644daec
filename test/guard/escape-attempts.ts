/** One attempt of a program to do what it must not. */
export interface Attempt {
  what: string;
  code: string;
  /** What the run gives. Default: `held`, which the code returns when the attempt failed. */
  gives?: unknown;
}

/** Code that tries something, and says whether it was held. */
const tries = (body: string) =>
  `try { ${body}; return "escaped"; } catch (failure) { return failure.code === "stopped" ? "stopped" : "held"; }`;

/** Code whose value has to be `undefined`. */
const has = (expression: string) => `return (${expression}) === undefined ? "held" : "escaped";`;

/** Ways out to the network. */
const networkOf = (host: string): Attempt[] => [
  { what: "fetch", code: tries(`await fetch("http://${host}/")`) },
  {
    what: "fetch of the global object's prototype",
    code: tries(`await Object.getPrototypeOf(globalThis).fetch("http://${host}/")`),
  },
  { what: "a WebSocket", code: tries(`new WebSocket("ws://${host}/")`) },
  { what: "an EventSource", code: tries(`new EventSource("http://${host}/")`) },
  {
    what: "a socket",
    code: tries(
      `const { connect } = await import("cloudflare:sockets"); const socket = connect("${host}"); await socket.opened`,
    ),
  },
  {
    what: "Node's net",
    code: tries(
      `const net = await import("node:net"); await new Promise((done, fail) => net.connect(Number("${host}".split(":")[1]), "127.0.0.1", done).on("error", fail))`,
    ),
  },
  {
    what: "Node's http",
    code: tries(
      `const http = await import("node:http"); await new Promise((done, fail) => http.get("http://${host}/", done).on("error", fail))`,
    ),
  },
  { what: "a module of the web", code: tries(`await import("https://example.com/a.js")`) },
  { what: "a module in a data URL", code: tries(`await import("data:text/javascript,export default 1")`) },
  { what: "a cache", code: tries(`await caches.default.match("http://${host}/")`) },
  {
    what: "the fetcher of an entry point",
    code: tries(
      `const { exports } = await import("cloudflare:workers"); await exports.default.fetch("http://${host}/")`,
    ),
  },
  {
    what: "a request of its own entry point's environment",
    code: `const { env } = await import("cloudflare:workers"); return Object.keys(env).length === 0 ? "held" : "escaped";`,
  },
];

/** Text that becomes code. */
const EVALUATION: Attempt[] = [
  { what: "eval", code: tries(`eval("1 + 1")`) },
  { what: "indirect eval", code: tries(`(0, eval)("1 + 1")`) },
  { what: "the Function constructor", code: tries(`new Function("return 1")()`) },
  { what: "the constructor of a function", code: tries(`(() => {}).constructor("return 1")()`) },
  {
    what: "the constructor of an async function",
    code: tries(`await (async () => {}).constructor("return 1")()`),
  },
  { what: "a timer with text", code: tries(`setTimeout("1 + 1", 0)`) },
  {
    what: "WebAssembly",
    code: tries(`new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]))`),
  },
];

/** Prototypes and built-ins that the host also uses. */
const PROTOTYPES: Attempt[] = [
  {
    what: "a polluted Object.prototype",
    code: `Object.prototype.role = "admin"; Object.prototype.isError = false; return "held";`,
  },
  {
    what: "__proto__ in arguments",
    code: tries(
      `await tools.call("analytics_query", JSON.parse('{"__proto__": {"role": "admin"}, "metric": 5}'))`,
    ),
  },
  {
    what: "another JSON.stringify",
    code: `JSON.stringify = () => '{"role":"admin"}'; return "x";`,
    gives: "x",
  },
  {
    what: "another JSON.parse",
    code: tries(
      `JSON.parse = () => ({ ok: true, value: 1 }); if ((await tools.call("analytics_sql", {})) !== 1) throw 1; throw new Error("only itself is deceived")`,
    ),
  },
  { what: "another Promise", code: `globalThis.Promise = class extends Promise {}; return "held";` },
  {
    what: "a result that says it is a promise",
    code: `return { then: undefined, toJSON() { return "held"; } };`,
  },
  {
    what: "arguments with toJSON",
    code: tries(`await tools.call("analytics_sql", { toJSON: () => ({ sql: "SELECT 1" }) })`),
  },
  {
    what: "a name that is an object",
    code: tries(`await tools.call({ toString: () => "analytics_sql" }, { sql: "SELECT 1" })`),
  },
  {
    what: "code behind the end of the function",
    code: `return "held"; }; export const more = async () => { return "escaped";`,
  },
];

/** Other runs, other people, and time as a way to tell of them. */
const OTHERS: Attempt[] = [
  {
    what: "a value that an earlier run left",
    code: `const found = globalThis.left ?? "held"; globalThis.left = "escaped"; return found;`,
  },
  {
    what: "the same again",
    code: `const found = globalThis.left ?? "held"; globalThis.left = "escaped"; return found;`,
  },
  {
    what: "a clock that goes",
    code: `const first = Date.now(); for (let n = 0; n < 3e6; n += 1); return Date.now() === first && new Date().getTime() === first ? "held" : "escaped";`,
  },
  {
    what: "the clock of the constructor's prototype",
    code: `const first = Date.now(); const Real = Date.prototype.constructor; for (let n = 0; n < 3e6; n += 1); return new Real().getTime() === first && Real.now() === first ? "held" : "escaped";`,
  },
  { what: "performance.now", code: has("globalThis.performance?.now") },
  { what: "a timer", code: has("globalThis.setTimeout ?? globalThis.setInterval ?? globalThis.scheduler") },
  {
    what: "a shared counter",
    code: tries(`const cell = new SharedArrayBuffer(8); const worker = new Worker("data:,")`),
  },
];

/** The stub, and who acts through it. */
const IDENTITY: Attempt[] = [
  {
    what: "an identity in the arguments",
    code: `await tools.context_set({ note: "mine" }); await tools.call("context_get", { userId: "user_ann", identity: { role: "admin" } }).catch(() => {}); return (await tools.context_get()).notes;`,
    gives: ["mine"],
  },
  { what: "a tool that the role may not use", code: tries(`await tools.analytics_sql({ sql: "SELECT 1" })`) },
  {
    what: "the same through the tool that calls others",
    code: tries(`await tools.call("tools_write", { name: "analytics_sql", arguments: {} })`),
  },
  { what: "itself", code: tries(`await tools.tools_run_code({ code: "return 1" })`) },
  {
    what: "properties of the stub's object",
    code: `const all = Object.getOwnPropertyNames(tools); return all.some((name) => /ident|user|grant|token|ctx|env/i.test(name)) ? "escaped" : "held";`,
  },
  { what: "a method of the host that is not offered", code: tries(`await tools.keepProgram({})`) },
  { what: "the constructor of the stub", code: tries(`await tools.constructor({})`) },
  {
    what: "an endless chain of calls after the end",
    code: `tools.context_get().then(() => tools.context_get()).catch(() => {}); return "held";`,
  },
];

/**
 * All of them.
 *
 * @param host - of a server that listens and answers
 */
export const attemptsOf = (host: string): Attempt[] => [
  ...networkOf(host),
  ...EVALUATION,
  ...PROTOTYPES,
  ...OTHERS,
  ...IDENTITY,
];
