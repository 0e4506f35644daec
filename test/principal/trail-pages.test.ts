import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import type { AuditRecord } from "../../shared/audit/record.ts";
import { WINDOW_MS } from "../../shared/guard/sliding-log.ts";
import { AuditTrail } from "../../workers/objects/principal/audit-trail.ts";
import { intentOf, takenAt } from "../audit/trail.ts";

const USER = "user_of_the_pages";

/** Runs in the storage of an unused object. */
const inStorage = (use: (sql: SqlStorage) => void) =>
  runInDurableObject(env.PRINCIPAL.get(env.PRINCIPAL.idFromName(USER)), (_object, { storage: { sql } }) =>
    use(sql),
  );

const open = (trail: AuditTrail, callId: string, at: number, units = 0) =>
  trail.open(intentOf(USER, callId), at, { ...takenAt(at), use: { day: 1, units } });
const close = (trail: AuditTrail, callId: string, at: number) =>
  trail.close({ callId, status: "ok", durationMs: 1, bytes: 1 }, at);
const isChain = (bodies: readonly { body: string; hash: string }[]) =>
  bodies.every(({ body }, index) => {
    const before = bodies[index - 1];
    return before === undefined || (JSON.parse(body) as AuditRecord).previous === before.hash;
  });

/** Counts every statement's billed rows. */
function countWritten(sql: SqlStorage): { sql: SqlStorage; written: number[] } {
  const written: number[] = [];
  const exec = (query: string, ...bindings: unknown[]) => {
    const cursor = sql.exec(query, ...bindings);
    const rows = cursor.toArray();
    if (cursor.rowsWritten > 0) written.push(cursor.rowsWritten);
    return Object.assign(rows.values(), { toArray: () => rows });
  };
  return { sql: { exec } as unknown as SqlStorage, written };
}

beforeEach(() => inStorage((sql) => sql.exec("DELETE FROM trail_page")));

describe("the audit pages of a user's object", () => {
  it("write a call with the outcome of the previous one in one row, and read a hundred calls in a few", async () => {
    await inStorage((plain) => {
      const { sql, written } = countWritten(plain);
      const trail = new AuditTrail(sql);
      written.length = 0;
      for (let call = 0; call < 100; call += 1) {
        trail.transaction(() => {
          if (call > 0) close(trail, `call-${call - 1}`, call);
          open(trail, `call-${call}`, call);
        });
      }
      expect(written).toEqual(Array.from({ length: 100 }, () => 1));
      close(trail, "call-99", 100);
      written.length = 0;
      const all = Array.from({ length: 200 }, (_, index) => index + 1);
      expect(trail.confirm(all.slice(0, 150), 200)).toBeGreaterThanOrEqual(WINDOW_MS);
      expect(written).toEqual([]);
      trail.confirm(all.slice(150), 200);
      expect(written).toEqual([1]);
      trail.sweep(100 + WINDOW_MS);
      expect(written.reduce((sum, rows) => sum + rows, 0)).toBeLessThan(20);
      expect(JSON.stringify(plain.exec("SELECT entries FROM trail_page").toArray())).toBe('[{"entries":""}]');
    });
  });

  it("do not send again after a restart what was confirmed, once all was, and send what came after it", async () => {
    await inStorage((sql) => {
      const restart = () => new AuditTrail(sql);
      const sequencesOf = (trail: AuditTrail) => trail.unstored().map(({ sequence }) => sequence);
      open(restart(), "first", 1);
      const trail = restart();
      trail.confirm([1], 2);
      expect(sequencesOf(restart())).toEqual([]);
      expect(restart().isStored).toBe(true);
      open(trail, "second", 3);
      close(trail, "second", 4);
      expect(sequencesOf(restart())).toEqual([2, 3]);
      // While a record is missing, a restarted object sends the others again too.
      trail.confirm([3], 5);
      expect(sequencesOf(restart())).toEqual([2, 3]);
      expect(trail.oldestUnstored()?.sequence).toBe(2);
      trail.confirm([2], 5);
      expect(sequencesOf(restart())).toEqual([]);
      expect(restart().oldestUnstored()).toBeUndefined();
    });
  });

  it("have no record of a single call once it is stored, count it for a minute, and need no alarm for that", async () => {
    await inStorage((sql) => {
      const trail = new AuditTrail(sql);
      open(trail, "only", 1_000);
      close(trail, "only", 1_001);
      expect(trail.confirm([1, 2], 2_000)).toBeNull();
      expect(JSON.stringify(sql.exec("SELECT entries FROM trail_page").toArray())).not.toContain("hash");
      const known = new AuditTrail(sql).readLimits();
      expect([known.passed.length, known.places]).toEqual([1, []]);
      open(trail, "next", 3_000);
      expect(trail.unstored().map(({ sequence }) => sequence)).toEqual([3]);
      expect(isChain([...trail.unstored()])).toBe(true);
      expect(new AuditTrail(sql).readLimits().passed.map(({ at }) => at)).toEqual([1_000, 3_000]);
      close(trail, "next", 3_001);
      trail.confirm([3, 4], 3_000 + WINDOW_MS);
      expect(sql.exec("SELECT entries FROM trail_page").one()).toEqual({ entries: "" });
    });
  });

  it("give a restarted object, at any moment, the state of one that kept running", async () => {
    const step = fc.record({
      wait: fc.integer({ min: 0, max: WINDOW_MS / 2 }),
      act: fc.constantFrom("open", "open", "open", "close", "confirm", "sweep"),
      restart: fc.boolean(),
    });
    await inStorage((sql) => {
      fc.assert(
        fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
          sql.exec("DELETE FROM trail_page");
          let trail = new AuditTrail(sql);
          let now = 1_000_000;
          const passed: number[] = [];
          const running: string[] = [];
          const sent: { body: string; hash: string; sequence: number }[] = [];
          for (const [index, { wait, act, restart }] of steps.entries()) {
            now += wait;
            if (restart) trail = new AuditTrail(sql);
            if (act === "open") {
              open(trail, `call-${index}`, now, index);
              passed.push(now);
              running.push(`call-${index}`);
            } else if (act === "close") {
              const callId = running.shift();
              if (callId !== undefined) close(trail, callId, now);
            } else if (act === "sweep") {
              trail.sweep(now);
            } else {
              const links = trail.unstored();
              sent.push(...links.filter(({ sequence }) => sequence > (sent.at(-1)?.sequence ?? 0)));
              trail.confirm(
                links.map(({ sequence }) => sequence),
                now,
              );
            }
            const known = new AuditTrail(sql).readLimits();
            const counts = (at: number) => at > now - WINDOW_MS;
            expect(known.passed.map(({ at }) => at).filter(counts)).toEqual(passed.filter(counts));
            expect(known.places.map(({ callId }) => callId)).toEqual(running);
            expect(known.use).toEqual(trail.readLimits().use);
          }
          const rest = trail.unstored();
          sent.push(...rest.filter(({ sequence }) => sequence > (sent.at(-1)?.sequence ?? 0)));
          expect(sent.map(({ sequence }) => sequence)).toEqual(sent.map((_, index) => index + 1));
          expect(isChain(sent)).toBe(true);
        }),
        { numRuns: 60 },
      );
    });
  }, 30_000);

  it("chain the next record to the stored ones when one could not be written", async () => {
    await inStorage((plain) => {
      let full = false;
      const exec = (query: string, ...bindings: unknown[]) => {
        if (full && query.startsWith("UPDATE")) throw new Error("database or disk is full");
        return plain.exec(query, ...bindings);
      };
      const trail = new AuditTrail({ exec } as unknown as SqlStorage);
      open(trail, "first", 1);
      full = true;
      expect(() => open(trail, "lost", 2)).toThrow("full");
      full = false;
      open(trail, "second", 3);
      const links = trail.unstored();
      expect(links.map(({ event }) => JSON.parse(event ?? "{}").callId)).toEqual(["first", "second"]);
      expect(isChain(links)).toBe(true);
      expect(trail.readLimits().places.map(({ callId }) => callId)).toEqual(["first", "second"]);
    });
  });

  it("import the data of the previous release: records, head, open and passed calls, slots and the day's use", async () => {
    await inStorage((sql) => {
      sql.exec("DROP VIEW IF EXISTS audit_link");
      sql.exec(
        `CREATE TABLE audit_link (
           sequence INTEGER PRIMARY KEY, body TEXT NOT NULL, hash TEXT NOT NULL, stored INTEGER NOT NULL DEFAULT 0,
           salt TEXT, event TEXT);
         CREATE TABLE open_call (call_id TEXT PRIMARY KEY, chain TEXT NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;
         CREATE TABLE passed_calls (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, client_id TEXT NOT NULL, costly_tool TEXT);
         CREATE TABLE limit_state (id INTEGER PRIMARY KEY, state TEXT NOT NULL);`,
      );
      const body = (sequence: number) => JSON.stringify({ at: 50, chain: USER, sequence, version: 2 });
      const add = (sequence: number, stored: number) =>
        sql.exec(
          "INSERT INTO audit_link VALUES (?, ?, ?, ?, 's', '{}')",
          sequence,
          body(sequence),
          `hash-${sequence}`,
          stored,
        );
      add(7, 1);
      add(8, 0);
      sql.exec("INSERT INTO open_call VALUES ('call-8', ?, 50)", USER);
      sql.exec("INSERT INTO passed_calls VALUES (3, 40, 'app', NULL), (4, 50, 'app', 'crm_sql')");
      const places = [{ callId: "call-8", at: 50, leaseMs: 25_000 }];
      sql.exec(
        "INSERT INTO limit_state VALUES (1, ?)",
        JSON.stringify({ places, use: { day: 9, units: 11 } }),
      );
      for (let start = 0; start < 2; start += 1) {
        const trail = new AuditTrail(sql);
        expect(trail.unstored()).toMatchObject([{ sequence: 8, hash: "hash-8", chain: USER }]);
        expect(trail.readLimits()).toEqual({
          passed: [
            { at: 40, clientId: "app", costlyTool: null },
            { at: 50, clientId: "app", costlyTool: "crm_sql" },
          ],
          places,
          use: { day: 9, units: 11 },
        });
      }
      const trail = new AuditTrail(sql);
      close(trail, "call-8", 60);
      expect(JSON.parse(trail.unstored().at(-1)?.body ?? "{}")).toMatchObject({
        sequence: 9,
        previous: "hash-8",
      });
      // The previous release would start the chain again if it were not refused.
      expect(() =>
        sql.exec("INSERT INTO audit_link (sequence, body, hash, salt, event) VALUES (1, '', '', '', '')"),
      ).toThrow("view");
    });
  });
});
