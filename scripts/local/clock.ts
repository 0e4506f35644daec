import { readEnvironment } from "./project.ts";

/** The part of wrangler's running Worker that cron triggers reach. */
interface Scheduled {
  scheduled(options: { cron: string }): Promise<unknown>;
}

const HOUR_MS = 60 * 60_000;
/** What a deployed Worker does every few minutes happens here sooner: nobody wants to wait at their own machine. */
const SOON_MS = 10_000;

/**
 * Fires the cron triggers of `wrangler.toml`, which the local runtime does not do by itself: those that run every few
 * minutes (a pattern that begins with an asterisk and a slash) every ten seconds, the others every hour. Returns what
 * stops it. A run that fails is logged by the Worker.
 */
export function startClock(worker: Scheduled): () => void {
  const crons = readEnvironment("local").triggers.crons ?? [];
  const timers = crons.map((cron) =>
    setInterval(
      () => void worker.scheduled({ cron }).catch(() => {}),
      cron.startsWith("*/") ? SOON_MS : HOUR_MS,
    ),
  );
  return () => {
    for (const timer of timers) clearInterval(timer);
  };
}
