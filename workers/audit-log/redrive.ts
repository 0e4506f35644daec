import { noteTries, readDeadLetters } from "./dead-letters.ts";
import { storeRecords } from "./store-records.ts";
import { readMessage } from "./write-records.ts";

/** Letters per statement. A letter has at most 128 kilobytes. */
const AT_ONCE = 10;

/**
 * Delivers dead letters again, at most `limit`: readable ones are written and deleted, the others stay with
 * their reason. Writing is idempotent, so a letter whose records arrived another way meanwhile (their object
 * resends unconfirmed records after ten minutes) writes nothing and is deleted.
 */
export async function redriveDeadLetters(
  env: Env,
  limit: number,
): Promise<{ delivered: number; unreadable: number }> {
  const total = { delivered: 0, unreadable: 0 };
  for (let tried = 0; tried < limit; tried += AT_ONCE) {
    const letters = await readDeadLetters(env.PLATFORM_DB, Math.min(AT_ONCE, limit - tried));
    const delivered: string[] = [];
    const failed: { id: string; reason: string }[] = [];
    for (const { id, body } of letters) {
      const read = readMessage(body);
      if ("reason" in read) {
        failed.push({ id, reason: read.reason });
        continue;
      }
      await storeRecords(env, read.links);
      delivered.push(id);
    }
    await noteTries(env.PLATFORM_DB, delivered, failed, Date.now());
    total.delivered += delivered.length;
    total.unreadable += failed.length;
    if (letters.length < AT_ONCE) break;
  }
  return total;
}
