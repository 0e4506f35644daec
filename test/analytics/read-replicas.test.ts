import { describe, expect, it } from "vitest";
import { openAnalyticsStore } from "../../workers/analytics/store.ts";

/** A database that notes what it is asked outside of a session and inside of one. */
function watchedDatabase() {
  const asked: string[] = [];
  const askedAt = (place: string) => ({
    prepare: (sql: string) => {
      asked.push(place);
      const statement = {
        sql,
        bind: () => statement,
        all: async () => ({ results: [] }),
        first: async () => null,
      };
      return statement;
    },
    batch: async (statements: unknown[]) => statements.map(() => ({ results: [], meta: { changes: 0 } })),
  });
  const sessions: string[] = [];
  const withSession = (constraint: string) => {
    sessions.push(constraint);
    return askedAt("replica");
  };
  return { database: { ...askedAt("primary"), withSession } as unknown as D1Database, asked, sessions };
}

describe("the analytics database", () => {
  it("is read in one session of a call, which any replica may serve", async () => {
    const { database, asked, sessions } = watchedDatabase();
    const store = openAnalyticsStore(database);
    await store.listSources();
    await store.listMembers("country");
    await store.findMembers("country", ["Germany"]);
    expect(sessions).toEqual(["first-unconstrained"]);
    expect(asked.length).toBeGreaterThanOrEqual(3);
    expect(new Set(asked)).toEqual(new Set(["replica"]));
  });

  it("is written at its primary", async () => {
    const { database, asked } = watchedDatabase();
    const event = { key: "a", kind: "view", at: "2026-01-01T00:00:00Z" };
    await openAnalyticsStore(database)
      .storeEvents([event as never])
      .catch(() => undefined);
    expect(asked.length).toBeGreaterThan(0);
    expect(new Set(asked)).toEqual(new Set(["primary"]));
  });
});
