/** How often to look, in milliseconds. */
const INTERVAL = 500;

/**
 * Calls `onLost` once when the process that started this one is gone. npm runs a script through a shell: whoever
 * ends npm ends that shell, and this process would live on unseen and keep the port.
 */
export function watchParent(onLost: () => void): void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    onLost();
  }, INTERVAL);
  // Watching is no reason to stay alive.
  timer.unref();
}
