import type { Counts } from "../counts.ts";

const counts: Counts = {};

/** Adds to a counter of this isolate. Objects, consumers and requests of a local Worker share one isolate. */
export function add(name: string, amount = 1): void {
  counts[name] = (counts[name] ?? 0) + amount;
}

type Method = (this: unknown, ...args: unknown[]) => unknown;

/** Calls `count` with every call of a method and its result. The method itself is unchanged. */
function watch(
  prototype: object,
  name: string,
  count: (args: readonly unknown[], result: unknown) => void,
): void {
  const methods = prototype as Record<string, Method | undefined>;
  const original = methods[name];
  if (original === undefined) throw new Error(`The platform has no method ${name}.`);
  methods[name] = function (...args) {
    const result = original.apply(this, args);
    count(args, result);
    return result;
  };
}

/**
 * Cursors to ask for their rows at the time of the report: the number is known when a cursor has been read to
 * its end.
 */
let cursors: SqlStorageCursor<Record<string, SqlStorageValue>>[] = [];

/** The counters since the isolate's start. */
export function readCounts(): Counts {
  for (const { rowsRead, rowsWritten } of cursors) {
    add("object rows read", rowsRead);
    add("object rows written", rowsWritten);
  }
  cursors = [];
  return { ...counts };
}

let storageWatched = false;

/**
 * Counts the reads and writes of every object of the isolate. Cloudflare bills keys as rows, and setting an
 * alarm as one row written (Durable Objects pricing, «SQLite storage backend»).
 */
export function watchStorage(storage: DurableObjectStorage): void {
  if (storageWatched) return;
  storageWatched = true;
  watch(Object.getPrototypeOf(storage.sql) as object, "exec", (_args, cursor) => {
    add("object statements");
    cursors.push(cursor as (typeof cursors)[number]);
  });
  const prototype = Object.getPrototypeOf(storage) as object;
  for (const name of ["get", "list", "getAlarm"]) watch(prototype, name, () => add("object rows read"));
  for (const name of ["put", "delete", "setAlarm"]) watch(prototype, name, () => add("object rows written"));
}

/** Counts the lines of the log. */
export function watchLog(): void {
  for (const level of ["debug", "info", "log", "warn", "error"])
    watch(console, level, () => add("log lines"));
}

/** Counts the calls of the bindings in the isolate's environment. */
export function watchBindings(env: Readonly<Record<string, unknown>>): void {
  const watched = new Set<object>();
  for (const binding of Object.values(env)) {
    if (typeof binding !== "object" || binding === null) continue;
    const prototype = Object.getPrototypeOf(binding) as object;
    if (watched.has(prototype)) continue;
    watched.add(prototype);
    if ("idFromName" in binding) watchNamespace(prototype);
    else if ("getWithMetadata" in binding) watchKeys(prototype);
    else if ("sendBatch" in binding) watchQueue(prototype);
    else if ("createMultipartUpload" in binding) watchBucket(prototype);
    else if ("prepare" in binding) watchDatabase(prototype, binding as D1Database);
  }
}

function watchNamespace(prototype: object): void {
  const methods = prototype as Record<string, Method | undefined>;
  for (const name of ["get", "getByName"]) {
    const original = methods[name];
    if (original === undefined) continue;
    methods[name] = function (...args) {
      return watchStub(original.apply(this, args) as DurableObjectStub);
    };
  }
}

/** Every call of a stub is one billed request; its object is awake until it answers. */
function watchStub(stub: DurableObjectStub): DurableObjectStub {
  return new Proxy(stub, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function" || typeof name !== "string") return member;
      return (...args: unknown[]) => {
        add(`request ${name}`);
        const began = performance.now();
        // An RPC method is no ordinary function: its `apply` would be another method of the object.
        const answer = Reflect.apply(member as Method, target, args) as Promise<unknown>;
        const done = () => add("object milliseconds", performance.now() - began);
        void Promise.resolve(answer).then(done, done);
        return answer;
      };
    },
  });
}

function watchKeys(prototype: object): void {
  for (const name of ["get", "getWithMetadata"]) watch(prototype, name, () => add("key reads"));
  for (const name of ["put", "delete"]) watch(prototype, name, () => add("key writes"));
  watch(prototype, "list", () => add("key lists"));
}

/** Operations of class A and B (R2 pricing); deleting is free. */
function watchBucket(prototype: object): void {
  for (const name of ["put", "list"]) watch(prototype, name, () => add("bucket writes"));
  for (const name of ["get", "head"]) watch(prototype, name, () => add("bucket reads"));
}

/** Bytes of a billed part of a message, and the queue's overhead per message (Queues pricing). */
const PIECE = 64_000;
const METADATA = 100;

function watchQueue(prototype: object): void {
  watch(prototype, "send", ([body]) => {
    const bytes = new TextEncoder().encode(JSON.stringify(body)).byteLength + METADATA;
    add("messages");
    add("message bytes", bytes);
    // Written, read and deleted.
    add("queue operations", 3 * Math.ceil(bytes / PIECE));
  });
}

function watchDatabase(prototype: object, database: D1Database): void {
  const note = ({ meta }: D1Result): void => {
    add("database rows read", meta.rows_read);
    add("database rows written", meta.rows_written);
  };
  const noteLater = (result: unknown) => void (result as Promise<D1Result>).then(note, () => {});
  const statement = Object.getPrototypeOf(database.prepare("SELECT 1")) as D1PreparedStatement;
  for (const name of ["all", "run"]) watch(statement, name, (_args, result) => noteLater(result));
  // Only a result with `meta` has its cost.
  Object.assign(statement, {
    async first(this: D1PreparedStatement, column?: string) {
      const { results } = await this.all<Record<string, unknown>>();
      const [row] = results;
      return row === undefined ? null : column === undefined ? row : row[column];
    },
  });
  watch(prototype, "batch", (_args, result) => {
    void (result as Promise<D1Result[]>).then(
      (results) => results.forEach(note),
      () => {},
    );
  });
}
