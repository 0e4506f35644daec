/** The object that holds a user's grants and tokens. Its name is the opaque user id. */
export function openGrantStore(env: Env, userId: string) {
  return env.GRANT_STORE.get(env.GRANT_STORE.idFromName(userId));
}
