import { describe, expect, it } from "vitest";
import { DatabaseSessions } from "../../shared/session/database-sessions.ts";

/** A database whose session notes what it is asked; statements that begin with a write change it. */
function database(mark: string) {
  const starts: string[] = [];
  const statement = (sql: string) => {
    const result = { results: [], meta: { changed_db: !sql.startsWith("SELECT") } };
    const made = {
      sql,
      bind: () => made,
      run: async () => result,
      all: async () => result,
      first: async () => null,
    };
    return made;
  };
  const session = {
    prepare: statement,
    batch: async (statements: { run(): Promise<unknown> }[]) =>
      Promise.all(statements.map((one) => one.run())),
    getBookmark: () => mark,
  };
  const binding = {
    prepare: () => {
      throw new Error("The primary was asked outside of the session.");
    },
    batch: () => {
      throw new Error("The primary was asked outside of the session.");
    },
    withSession: (start: string) => {
      starts.push(start);
      return session;
    },
  };
  return { binding: binding as unknown as D1Database, starts };
}

describe("the databases of one call", () => {
  it("are one session each, which begins where the caller's last write was", async () => {
    const [crm, shop] = [database("b"), database("s")];
    const sessions = new DatabaseSessions("read", { CRM_DB: "a" });
    const env = sessions.wrap({ CRM_DB: crm.binding, SHOP_DB: shop.binding, OTHER: 7 });
    for (let turn = 0; turn < 3; turn += 1) await env.CRM_DB.prepare("SELECT 1").all();
    await env.SHOP_DB.batch([env.SHOP_DB.prepare("SELECT ?").bind(1)]);
    await env.SHOP_DB.withSession("first-primary").prepare("SELECT 1").all();
    expect([crm.starts, shop.starts, env.OTHER]).toEqual([["a"], ["first-unconstrained"], 7]);
    expect(sessions.written()).toEqual({});
  });

  it("give a bookmark once something was written, in a batch too, and whatever the tool says of itself", async () => {
    for (const effect of ["read", "update"] as const) {
      for (const write of [
        (db: D1Database) => db.prepare("UPDATE a").bind().run(),
        (db: D1Database) => db.batch([db.prepare("SELECT 1"), db.prepare("DELETE a")]),
      ]) {
        const { binding, starts } = database("new");
        const sessions = new DatabaseSessions(effect, {});
        await write(sessions.wrap({ CRM_DB: binding }).CRM_DB);
        expect(sessions.written()).toEqual({ CRM_DB: "new" });
        expect(starts).toEqual([effect === "read" ? "first-unconstrained" : "first-primary"]);
      }
    }
  });

  it("are used as they are without sessions, and the platform's own always", () => {
    const plain = { prepare: () => null, batch: () => null } as unknown as D1Database;
    const { binding } = database("x");
    const env = new DatabaseSessions("read", {}).wrap({ CRM_DB: plain, PLATFORM_DB: binding });
    expect([env.CRM_DB === plain, env.PLATFORM_DB === binding]).toEqual([true, true]);
  });
});
