/** Name of the binding that loads isolates for code over tools. */
export const CODE_LOADER = "CODE_LOADER";

/** The binding that loads isolates, which a deployment has or has not. */
export function loaderOf(env: object): WorkerLoader | undefined {
  return (env as { [CODE_LOADER]?: WorkerLoader })[CODE_LOADER];
}
