import { logFailure } from "../observe/log.ts";
import { reportFullness } from "../observe/storage-alarm.ts";

/** Milliseconds until the second try, and the most between two: a try costs a request, and an outage may last for hours. */
const [FIRST_DELAY_MS, LONGEST_DELAY_MS] = [5_000, 15 * 60_000];

/** Where the number of failures in a row is kept: an object may be evicted between two of them. */
const FAILURES_KEY = "alarm_failures";

/** Milliseconds to wait after a number of failures in a row: 5 s, twice as long each time, at most 15 minutes. */
export function delayAfter(failures: number): number {
  return Math.min(FIRST_DELAY_MS * 2 ** Math.max(0, failures - 1), LONGEST_DELAY_MS);
}

/**
 * The alarm of a Durable Object, which never gives up. The runtime tries an alarm that throws six times within about two
 * minutes and then forgets it (Cloudflare's documentation, «Alarms»); an object whose person does not call again would
 * then never work again. So what an alarm throws is caught and logged here, and the alarm is set again.
 */
export class ObjectAlarm {
  readonly #storage: DurableObjectStorage;
  readonly #object: string;
  /** When the alarm is set to, as far as it is known. Milliseconds since the epoch. */
  #at: number | null = null;

  /** @param object - the object's class, for the log */
  constructor(storage: DurableObjectStorage, object: string) {
    this.#storage = storage;
    this.#object = object;
  }

  /** Sets the alarm to a moment (milliseconds since the epoch), unless it is set to an earlier one. */
  async wakeBy(moment: number): Promise<void> {
    // What is remembered saves asking with every call; a moment that has passed says nothing any more.
    if (this.#at === null || this.#at <= Date.now()) this.#at = await this.#storage.getAlarm();
    if (this.#at !== null && this.#at <= moment) return;
    await this.set(moment);
  }

  /** Sets the alarm to a moment, whatever it is set to; `null` takes it away. */
  async set(moment: number | null): Promise<void> {
    this.#at = moment;
    if (moment === null) await this.#storage.deleteAlarm();
    else await this.#storage.setAlarm(moment);
  }

  /** What an object's `alarm()` does. When it fails, it is done again after a delay that grows with each failure. */
  async run(work: () => Promise<void>): Promise<void> {
    this.#at = null;
    const failures = (await this.#storage.get<number>(FAILURES_KEY)) ?? 0;
    try {
      await work();
      // Every object that stores much has an alarm: here all of them are watched.
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
