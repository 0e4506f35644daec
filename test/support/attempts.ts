import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { SHARDS } from "../../shared/objects/shards.ts";

/** Every object that counts attempts. */
export function attemptObjects(): DurableObjectStub[] {
  return Array.from({ length: SHARDS.attempts }, (_, shard) =>
    env.ATTEMPTS.get(env.ATTEMPTS.idFromName(`attempts-${shard}`)),
  );
}

/** Runs a statement on every counter of attempts. */
export async function changeCounters(sql: string): Promise<void> {
  await Promise.all(
    attemptObjects().map((object) =>
      runInDurableObject(object, (_object, state) => void state.storage.sql.exec(sql)),
    ),
  );
}

/** Number of counters of attempts, in all objects. */
export async function countCounters(): Promise<number> {
  const counts = await Promise.all(
    attemptObjects().map((object) =>
      runInDurableObject(object, (_object, state) =>
        Number(state.storage.sql.exec("SELECT count(*) AS n FROM counters").one().n),
      ),
    ),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}
