import { logFailure } from "../observe/log.ts";
import { reportFullness } from "../observe/storage-alarm.ts";

/**
 * Milliseconds until the second attempt, and the longest delay between two: each attempt costs a request, and
 * an outage may last hours.
 */
const [FIRST_DELAY_MS, LONGEST_DELAY_MS] = [5_000, 15 * 60_000];

/** Storage key for the number of consecutive failures: the object may be evicted between two. */
const FAILURES_KEY = "alarm_failures";

/**
 * Milliseconds to wait after a number of consecutive failures: 5 s, doubled each time, at most 15 minutes.
 */
export function delayAfter(failures: number): number {
  return Math.min(FIRST_DELAY_MS * 2 ** Math.max(0, failures - 1), LONGEST_DELAY_MS);
}

/**
 * A Durable Object alarm that never gives up. The runtime retries a throwing alarm six times within about two
 * minutes and then drops it (Cloudflare's documentation, «Alarms»), after which an object whose user does not
 * call again would never run. This class catches and logs the error and sets the alarm again.
 */
export class ObjectAlarm {
  readonly #storage: DurableObjectStorage;
  readonly #object: string;
  /** The known alarm time in milliseconds since the epoch. */
  #at: number | null = null;

  /** @param object - the object's class, for the log */
  constructor(storage: DurableObjectStorage, object: string) {
    this.#storage = storage;
    this.#object = object;
  }

  /** Sets the alarm to a time (milliseconds since the epoch), unless an earlier one is set. */
  async wakeBy(moment: number): Promise<void> {
    // The cached time saves a storage read per call; a past time is not reliable.
    if (this.#at === null || this.#at <= Date.now()) this.#at = await this.#storage.getAlarm();
    if (this.#at !== null && this.#at <= moment) return;
    await this.set(moment);
  }

  /** Sets the alarm to a time and replaces any other; `null` deletes it. */
  async set(moment: number | null): Promise<void> {
    this.#at = moment;
    if (moment === null) await this.#storage.deleteAlarm();
    else await this.#storage.setAlarm(moment);
  }

  /**
   * Runs an object's `alarm()` work. After a failure it runs again, with a delay that grows with each
   * failure.
   */
  async run(work: () => Promise<void>): Promise<void> {
    this.#at = null;
    const failures = (await this.#storage.get<number>(FAILURES_KEY)) ?? 0;
    try {
      await work();
      // Every object that stores much has an alarm, so each of them is measured here.
      reportFullness(this.#object, this.#storage.sql.databaseSize);
      if (failures > 0) await this.#storage.delete(FAILURES_KEY);
    } catch (failure) {
      const delay = delayAfter(failures + 1);
      await this.#storage.put(FAILURES_KEY, failures + 1);
      await this.set(Date.now() + delay);
      const fields = { object: this.#object, failures: failures + 1, retry_seconds: delay / 1000 };
      logFailure("alarm_failed", failure, fields);
    }
  }
}
