import { env } from "cloudflare:workers";

/**
 * How the platform database behaves: every statement fails, none is answered, or no statement can write.
 */
export const TROUBLES = ["failing", "hanging", "full"] as const;

export type Trouble = (typeof TROUBLES)[number];

interface Statement {
  statement: string;
}

type Method = (this: unknown, ...args: unknown[]) => unknown;

const WRITES = /^\s*(INSERT|UPDATE|DELETE|REPLACE)\b/i;

/** Methods that send statements, of the two classes that Worker and objects share. */
const METHODS = { statement: ["first", "all", "run", "raw"], database: ["batch"] } as const;

/**
 * Troubles the platform database for everything in this isolate, objects and queue consumer included, and no other
 * database. Returns a function that ends it.
 */
export async function troublePlatformDatabase(trouble: Trouble): Promise<() => void> {
  const { results } = await env.PLATFORM_DB.prepare(
    "SELECT name FROM sqlite_master WHERE type = 'table'",
  ).all<{ name: string }>();
  const names = new RegExp(`\\b(${results.map(({ name }) => name).join("|")})\\b`);
  const isTroubled = ({ statement }: Statement) =>
    names.test(statement) && (trouble !== "full" || WRITES.test(statement));
  const answer = (): Promise<never> => {
    if (trouble === "hanging") return new Promise(() => {});
    const error =
      trouble === "full" ? "database or disk is full: SQLITE_FULL" : "Internal error in D1 DB storage";
    return Promise.reject(new Error(`D1_ERROR: ${error}`));
  };
  const statements = Object.getPrototypeOf(env.PLATFORM_DB.prepare("SELECT 1")) as Record<string, Method>;
  const databases = Object.getPrototypeOf(env.PLATFORM_DB) as Record<string, Method>;
  const restore = [
    ...METHODS.statement.map((name) =>
      replace(statements, name, (original, self, args) =>
        isTroubled(self as Statement) ? answer() : original.apply(self, args),
      ),
    ),
    ...METHODS.database.map((name) =>
      replace(databases, name, (original, self, args) =>
        (args[0] as Statement[]).some(isTroubled) ? answer() : original.apply(self, args),
      ),
    ),
  ];
  return () => {
    for (const one of restore) one();
  };
}

function replace(
  prototype: Record<string, Method>,
  name: string,
  instead: (original: Method, self: unknown, args: unknown[]) => unknown,
): () => void {
  const original = prototype[name];
  if (original === undefined) throw new Error(`D1 has no method ${name}.`);
  prototype[name] = function (this: unknown, ...args: unknown[]) {
    return instead(original, this, args);
  };
  return () => {
    prototype[name] = original;
  };
}
