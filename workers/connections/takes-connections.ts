import { connect } from "cloudflare:sockets";

/** Milliseconds in which a server takes a connection that is looked for. */
const LOOK_MS = 2_000;

/** Whether a server takes connections at an address. Nothing is sent to it. */
export async function takesConnections(hostname: string, port: number): Promise<boolean> {
  const socket = connect({ hostname, port });
  socket.closed.catch(() => {});
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(reject, LOOK_MS);
  try {
    await Promise.race([socket.opened, late]);
    return true;
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
    socket.close().catch(() => {});
  }
}
