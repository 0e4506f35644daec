import { RefusedRequest } from "../connector.ts";

/** The Hyperdrive binding that an entry names. Throws {@link RefusedRequest} if this deployment does not have it. */
export function findHyperdrive(env: Env, name: string, title: string): Hyperdrive {
  const binding = (env as unknown as Record<string, Partial<Hyperdrive> | undefined>)[name];
  if (typeof binding?.connectionString === "string") return binding as Hyperdrive;
  throw new RefusedRequest({
    code: "unavailable",
    message: `${title} is not bound to this deployment: the binding ${name} is missing.`,
  });
}
