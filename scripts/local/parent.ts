/** Polling interval, in milliseconds. */
const INTERVAL = 500;

/**
 * Calls `onLost` once when the parent process has ended. npm runs a script through a shell: when npm is
 * killed, that shell ends, and this process would keep running and keep the port.
 */
export function watchParent(onLost: () => void): void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    onLost();
  }, INTERVAL);
  // The timer must not keep the process alive.
  timer.unref();
}
