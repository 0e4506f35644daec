import { registerHooks } from "node:module";

/**
 * Lets Node load the registry, whose session classes extend classes of the Workers runtime. The stand-ins are
 * extended and never run: only definitions are read.
 */
export function allowWorkerModules(): void {
  const classes = [
    "DurableObject",
    "EmailMessage",
    "RpcStub",
    "RpcTarget",
    "WorkerEntrypoint",
    "WorkflowEntrypoint",
  ];
  const source = [
    ...classes.map((name) => `export class ${name} {}`),
    "export const env = {}, exports = {}, connect = undefined, waitUntil = undefined;",
  ].join("\n");
  const url = `data:text/javascript,${encodeURIComponent(source)}`;
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier.startsWith("cloudflare:") ? { url, shortCircuit: true } : next(specifier, context),
  });
}
