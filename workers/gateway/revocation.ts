import { principalGate } from "../../shared/guard/admit.ts";

/** The key of a grant's record in the OAuth library's store. */
const GRANT_KEY = /^grant:([^:]+):([^:]+)$/;

const prepared = new WeakMap<Env, Env>();

/**
 * The bindings as the OAuth library gets them: when it deletes a grant, for whatever reason (the account page, RFC 7009,
 * a code used twice, an app that is connected again, a refused refresh), the person's object learns it first. KV may
 * show the grant and its tokens for up to a minute more; the object refuses every call under it from then on.
 */
export function withRevocation(env: Env): Env {
  let wrapped = prepared.get(env);
  if (!wrapped) {
    wrapped = { ...env, OAUTH_KV: recordDeletions(env) };
    prepared.set(env, wrapped);
  }
  return wrapped;
}

function recordDeletions(env: Env): KVNamespace {
  const store = env.OAUTH_KV;
  const deleteRecorded = async (key: string): Promise<void> => {
    const [, userId, grantId] = GRANT_KEY.exec(key) ?? [];
    if (userId !== undefined && grantId !== undefined) await principalGate(env, userId).revokeGrant(grantId);
    await store.delete(key);
  };
  return new Proxy(store, {
    get(target, property) {
      if (property === "delete") return deleteRecorded;
      const value: unknown = Reflect.get(target, property);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
