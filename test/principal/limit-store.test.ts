import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { expect, it } from "vitest";
import { type PassedCall, SqlLimitStore } from "../../workers/principal/limit-store.ts";

const principal = env.PRINCIPAL.get(env.PRINCIPAL.idFromName("user_of_the_store"));

it("keeps exactly the newest calls in their order, however often it is opened anew and the number changes", async () => {
  await runInDurableObject(principal, (_object, { storage: { sql } }) => {
    const step = fc.record({ reopen: fc.boolean(), kept: fc.integer({ min: 1, max: 6 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        sql.exec("DELETE FROM passed_calls");
        let store = new SqlLimitStore(sql);
        let expected: PassedCall[] = store.readPassed();
        for (const [at, { reopen, kept }] of steps.entries()) {
          if (reopen) store = new SqlLimitStore(sql);
          if (reopen) store.readPassed();
          const call = { at, clientId: `app-${at % 3}`, costlyTool: at % 2 === 0 ? null : "tool" };
          store.addPassed(call, kept);
          expected = [...expected, call].slice(-kept);
          expect(new SqlLimitStore(sql).readPassed()).toEqual(expected);
        }
      }),
    );
  });
});

it("writes one row for a call once as many are kept as can matter", async () => {
  await runInDurableObject(principal, (_object, { storage: { sql } }) => {
    sql.exec("DELETE FROM passed_calls");
    const written: number[] = [];
    const counting = {
      exec(query: string, ...bindings: unknown[]) {
        const cursor = sql.exec(query, ...bindings);
        written.push(cursor.rowsWritten);
        return cursor;
      },
    };
    const store = new SqlLimitStore(counting as unknown as SqlStorage);
    store.readPassed();
    for (let at = 0; at < 5; at += 1) store.addPassed({ at, clientId: "app", costlyTool: null }, 3);
    written.length = 0;
    store.addPassed({ at: 6, clientId: "app", costlyTool: null }, 3);
    expect(written).toEqual([1]);
  });
});
