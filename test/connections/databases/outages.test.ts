import { env } from "cloudflare:workers";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { ServerAddress } from "../../../scripts/databases/debian-servers.ts";
import type { KilledKind } from "../../../scripts/databases/killer.ts";
import type { IntentEvent, OutcomeEvent } from "../../../shared/audit/record.ts";
import { type ConnectionEntry, connectionEntry } from "../../../shared/connections/entry.ts";
import { deliverOutcomes } from "../../../shared/guard/settle.ts";
import { allEventsOf, deliverAll, linksOf } from "../../audit/trail.ts";
import { createPerson, signIn } from "../../support/oauth.ts";
import { publishConnections } from "../../support/publish-connections.ts";
import { type CallAnswer, openSession } from "../../support/session.ts";
import { onMariadb, onPostgresql, onRedis, SERVERS } from "./servers.ts";

const { killer } = (env as unknown as { TEST_DOUBLES: { killer: string } }).TEST_DOUBLES;

/** Calls, and after how many answers the server is killed, and started again. */
const CALLS = 100;
const KILL_AT = 30;
const START_AT = 70;

/** Calls at the same moment. */
const TOGETHER = 10;

const common = { title: "Goods", description: "Goods.", owner: "x", allow_privileged_role: true };
const limits = { concurrent: 4, seconds: 3 };
/** Rows that differ only by the number of pairs: long enough for the kill to meet one. */
const PAIRS = "SELECT count(*) FROM goods a, goods b, goods c WHERE a.id < b.id AND b.id < c.id";
const pairs = { title: "Pairs", description: "Pairs.", sql: PAIRS, cache: { fresh: 1, stale: 3_600 } };

const KINDS = {
  postgresql: {
    name: "killedpg",
    entry: ({ host, port, user }: ServerAddress) => ({
      ...{ ...common, limits, kind: "postgresql", queries: { pairs } },
      reach: { host, port, user, tls: "off", database: "postgres" },
      expose: { tables: ["public.*"] },
    }),
    prepare: (address: ServerAddress) =>
      onPostgresql(
        address,
        "postgres",
        "CREATE TABLE goods (id int)",
        "INSERT INTO goods SELECT generate_series(1, 50)",
      ),
    call: { tool: "query", args: { sql: PAIRS } },
    right: (answer: CallAnswer) => Number(answer.data.rows[0][0]) === 19_600,
  },
  mariadb: {
    name: "killedmaria",
    entry: ({ host, port, user }: ServerAddress) => ({
      ...{ ...common, limits, kind: "mysql", queries: { pairs } },
      reach: { host, port, user, tls: "off", database: "store" },
      expose: { tables: ["store.*"] },
    }),
    prepare: (address: ServerAddress) =>
      onMariadb(
        address,
        "CREATE DATABASE store",
        "CREATE TABLE store.goods (id int)",
        "INSERT INTO store.goods WITH RECURSIVE n AS (SELECT 1 AS seq UNION ALL SELECT seq + 1 FROM n WHERE seq < 50) SELECT seq FROM n",
      ),
    call: { tool: "query", args: { sql: PAIRS } },
    right: (answer: CallAnswer) => Number(answer.data.rows[0][0]) === 19_600,
  },
  redis: {
    name: "killedredis",
    entry: ({ host, port, user }: ServerAddress) => ({
      ...{ ...common, limits, kind: "redis" },
      reach: { host, port, user, tls: "off" },
      expose: { prefixes: ["goods:"] },
    }),
    prepare: (address: ServerAddress) => onRedis(address, ["SET", "goods:1", "lamp"]),
    call: { tool: "get_key", args: { key: "goods:1" } },
    right: (answer: CallAnswer) => answer.data.value === "lamp",
  },
} as const;

/** The only words for a system that is away. */
const WORDS =
  /^(Goods cannot be reached right now\.( Event id: \S+\.)?|Too many calls use Goods at this moment\.|The call waited too long for the connection\.|The call took longer than 8 seconds and was stopped\.)$/;

async function command<Answer>(what: "kill" | "start", kind: KilledKind): Promise<Answer> {
  const answer = await fetch(`${killer}/${what}/${kind}`, { method: "POST" });
  if (!answer.ok) throw new Error(await answer.text());
  return await answer.json<Answer>();
}

const installed = (Object.keys(KINDS) as KilledKind[]).filter((kind) => SERVERS[kind] !== null);

describe.skipIf(installed.length === 0)(
  "100 calls in whose middle the server is killed and started again",
  () => {
    const states = new Map<string, string[]>();

    beforeAll(async () => {
      for (const level of ["info", "warn", "log"] as const) {
        vi.spyOn(console, level).mockImplementation((line: unknown) => {
          const { event, connection, state } = readLine(line);
          if (event !== "connection_breaker") return;
          states.set(connection ?? "", [...(states.get(connection ?? "") ?? []), state ?? ""]);
        });
      }
      const entries = await Promise.all(
        installed.map(async (kind): Promise<[string, ConnectionEntry]> => {
          const address = await command<ServerAddress>("start", kind);
          await KINDS[kind].prepare(address);
          return [KINDS[kind].name, connectionEntry.parse(KINDS[kind].entry(address))];
        }),
      );
      const [kind] = installed;
      await publishConnections(Object.fromEntries(entries), SERVERS[kind as KilledKind]?.password);
    }, 60_000);

    afterAll(() => vi.restoreAllMocks());

    it.concurrent.for(installed)(
      "%s: each is answered or has a clear error and a record, the breaker opens and closes, and nothing is restarted",
      { timeout: 60_000 },
      // Of tests that run at the same moment each has an `expect` of its own.
      async (kind, { expect }) => {
        const { name, call, right } = KINDS[kind];
        const session = await openSession({
          ...{ server: name, lane: "stateless", as: `kay-${kind}` },
          scopes: [`${name}:read`],
        });
        const ask = () => session.call(`${name}_${call.tool}`, call.args);
        const answers: CallAnswer[] = [];
        const [dead, alive] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
        const milestones = new Map([
          [KILL_AT, () => command("kill", kind).then(() => dead.resolve(), dead.reject)],
          [START_AT, () => command("start", kind).then(() => alive.resolve(), alive.reject)],
        ]);
        let begun = 0;
        const client = async () => {
          while (begun < CALLS) {
            begun += 1;
            const at = begun;
            // Some are under way when the server dies. The later ones find it dead, and the last ones back.
            if (at > KILL_AT + TOGETHER) await dead.promise;
            if (at > START_AT + TOGETHER) await alive.promise;
            answers.push(await ask());
            void milestones.get(answers.length)?.();
          }
        };
        await Promise.all(Array.from({ length: TOGETHER }, client));

        expect(answers).toHaveLength(CALLS);
        const failed = answers.filter(({ error }) => error !== undefined);
        expect(answers.filter(({ error }) => error === undefined).every(right)).toBe(true);
        expect(failed.length).toBeGreaterThanOrEqual(START_AT - KILL_AT - TOGETHER);
        for (const { error } of failed) {
          expect(error?.code).toMatch(/^(unavailable|timeout)$/);
          expect(error?.message).toMatch(WORDS);
        }
        // Without a restart of anything else, calls are answered again.
        let later = 0;
        await expect
          .poll(
            async () => {
              later += 1;
              const answer = await ask();
              return answer.error?.message ?? right(answer);
            },
            // Each look is a call with its records.
            { interval: 250 },
          )
          .toBe(true);
        expect(states.get(name)).toEqual(expect.arrayContaining(["open", "half_open", "closed"]));
        expect(states.get(name)?.at(-1)).toBe("closed");

        await deliverOutcomes(env);
        const person = `user_kay-${kind}`;
        for (let left = 1; left > 0; left = (await linksOf(person)).length) await deliverAll(person);
        const events = await allEventsOf(person);
        const intents = events.filter((event): event is IntentEvent => event.type === "intent");
        const outcomes = events.filter((event): event is OutcomeEvent => event.type === "outcome");
        expect(intents).toHaveLength(CALLS + later);
        expect(new Set(outcomes.map(({ callId }) => callId))).toEqual(
          new Set(intents.map(({ callId }) => callId)),
        );
        expect(outcomes.filter(({ status }) => status === "failed").length).toBe(failed.length + later - 1);
      },
    );

    it.skipIf(SERVERS.postgresql === null)(
      "the page of connections names the open breaker, the time of the last answer and the last errors",
      async () => {
        const { name } = KINDS.postgresql;
        const browser = await signIn(await createPerson("admin"));
        const session = await openSession({
          ...{ server: name, lane: "stateless", as: "kip" },
          scopes: [`${name}:read`],
        });
        const ask = () => session.call(`${name}_query`, { sql: "SELECT count(*) FROM goods" });
        await ask();
        await command("kill", "postgresql");
        await expect
          .poll(
            async () => {
              // Failures in a row open the breaker.
              await ask();
              const page = await (await browser.get("/console/connections")).text();
              const [, card = ""] = page.split(`<code class="small">${name}</code>`);
              return card.split("<h2>Last errors</h2>", 2).join("|").slice(0, 4_000);
            },
            { interval: 250 },
          )
          .toMatch(/Breaker open.*Last answer took.*\d+ ms.*\|<ul class="plain"><li>[^<]+</s);
        await command("start", "postgresql");
      },
    );

    it.skipIf(SERVERS.postgresql === null)(
      "a kept answer is given as a stale one while the server is dead, and no other",
      async () => {
        const { name } = KINDS.postgresql;
        const session = await openSession({
          ...{ server: name, lane: "stateless", as: "kim" },
          scopes: [`${name}:read`],
        });
        const kept = () => session.call(`${name}_pairs`);
        let before = await kept();
        await expect
          .poll(
            async () => {
              before = await kept();
              return before.error;
            },
            { interval: 250 },
          )
          .toBeUndefined();
        await command("kill", "postgresql");
        let stale = before;
        await expect
          .poll(async () => {
            stale = await kept();
            return stale.meta?.["gatehouse/cache"];
          })
          .toMatchObject({ stale: true });
        expect(stale.data).toEqual(before.data);
        const { error } = await session.call(`${name}_query`, { sql: "SELECT count(*) FROM goods" });
        expect(error).toMatchObject({ code: "unavailable" });
      },
    );
  },
);

/** A line of the log; an empty one for text that is none. */
function readLine(line: unknown): Record<string, string | undefined> {
  try {
    return JSON.parse(String(line)) as Record<string, string | undefined>;
  } catch {
    return {};
  }
}
