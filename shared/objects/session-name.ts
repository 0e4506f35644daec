/**
 * Names of session objects. A server with a class of its own has objects named by the session alone. All other servers
 * share one class, and their objects are named by session and server: that is how such an object knows what it serves.
 */

/** The session's id as the agents library knows it: the name of its object without the transport. */
export function objectIdOf(sessionId: string, server: string | null): string {
  return server === null ? sessionId : `${sessionId}-${server}`;
}

/** The server in the name of an object of the shared class; `""`, the URL with everything, where it names none. */
export function serverOf(objectName: string): string {
  return /^[a-z-]+:[0-9a-f]{32}-([a-z][a-z0-9]*)$/.exec(objectName)?.[1] ?? "";
}

/** The session's id in {@link objectIdOf}. */
export function sessionIdOf(objectId: string): string {
  return objectId.split("-")[0] ?? objectId;
}
