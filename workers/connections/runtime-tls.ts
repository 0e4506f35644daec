import * as tls from "node:tls";

/** The runtime's TLS socket, with the part that its types leave out. */
interface RuntimeSocket extends tls.TLSSocket {
  _handle: { socket: { close(): Promise<void> } } | null;
  _destroySSL(): void;
}

/**
 * Starts TLS on an open socket with what the Workers runtime offers; a driver's own way sets options that the
 * runtime refuses. The certificate and the host's name are verified, always.
 *
 * @param done - called once TLS stands, and with an error that ends it
 */
export function startTls(
  socket: NodeJS.ReadWriteStream,
  host: string,
  done: (error?: Error) => void,
): NodeJS.ReadWriteStream {
  const options = { socket, servername: host } as unknown as tls.ConnectionOptions;
  const secure = tls.connect(options, () => done()) as RuntimeSocket;
  // The runtime's own way leaves the close of a socket whose handshake failed as a rejection that nothing waits for.
  secure._destroySSL = () => void secure._handle?.socket.close().catch(() => {});
  secure.on("error", done);
  return secure;
}

/**
 * Opens a socket with TLS from its first byte. The certificate and the host's name are verified, always.
 *
 * @param done - called once TLS stands, and with an error that ends it
 */
export function connectTls(
  host: string,
  port: number,
  done: (error?: Error) => void,
): NodeJS.ReadWriteStream {
  const secure = tls.connect({ host, port }, () => done());
  secure.on("error", done);
  return secure;
}
