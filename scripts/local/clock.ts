import { readEnvironment } from "./project.ts";

const HOUR_MS = 60 * 60_000;
/**
 * Interval of jobs that a deployed Worker runs every few minutes: shorter here, so that developers do not
 * wait.
 */
const SOON_MS = 10_000;

/**
 * Fires the cron triggers of `wrangler.toml`, which the local runtime does not do by itself: those that run
 * every few minutes (a pattern that begins with an asterisk) every ten seconds, the others every hour. Uses the emulator's own endpoint, which a deployed Worker does not have. Returns a function that
 * stops it.
 *
 * @param url - of the local server, without a slash at the end
 */
export function startClock(url: string): () => void {
  const crons = readEnvironment("local").triggers.crons ?? [];
  const timers = crons.map((cron) => setInterval(() => void fire(url, cron), localIntervalOf(cron)));
  return () => {
    for (const timer of timers) clearInterval(timer);
  };
}

/** Milliseconds between two runs of a trigger here. */
export function localIntervalOf(cron: string): number {
  return cron.startsWith("*") ? SOON_MS : HOUR_MS;
}

/** The Worker logs a failed run; the next run makes up for one that a rebuild interrupts. */
async function fire(url: string, cron: string): Promise<void> {
  const target = `${url}/cdn-cgi/handler/scheduled?${new URLSearchParams({ cron })}`;
  await fetch(target, { signal: AbortSignal.timeout(SOON_MS) })
    .then((response) => response.body?.cancel())
    .catch(() => {});
}
