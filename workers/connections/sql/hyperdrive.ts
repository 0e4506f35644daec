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

/**
 * What a binding says of its database, for the key of a write: one that was led to another database is another place. The host
 * is the runtime's own name for it, and another one in each isolate. Nothing of a binding that is missing.
 */
export function placeOfHyperdrive(env: Env, name: string): { database?: string; user?: string } {
  const binding = (env as unknown as Record<string, Partial<Hyperdrive> | undefined>)[name];
  if (typeof binding?.database !== "string" || typeof binding.user !== "string") return {};
  return { database: binding.database, user: binding.user };
}
