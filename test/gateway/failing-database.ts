import { env } from "cloudflare:workers";

/** A Worker whose platform database is the real one, with methods of its own in place of some. */
export function withDatabase(there: Env, own: Partial<Pick<D1Database, "prepare" | "batch">>): Env {
  const real = {
    prepare: (sql: string) => env.PLATFORM_DB.prepare(sql),
    batch: (statements: D1PreparedStatement[]) => env.PLATFORM_DB.batch(statements),
  };
  return { ...there, PLATFORM_DB: { ...real, ...own } } as unknown as Env;
}

/** A Worker whose platform database fails at statements that contain a text. */
export function failingAt(there: Env, text: string): Env {
  return withDatabase(there, {
    prepare(sql) {
      if (sql.includes(text)) throw new Error("D1_ERROR: the database is away");
      return env.PLATFORM_DB.prepare(sql);
    },
  });
}
