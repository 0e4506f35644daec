import * as tls from "node:tls";
import type { Connection } from "mysql2";

interface Internals {
  startTLS(done: (error?: Error) => void): void;
  stream: NodeJS.ReadWriteStream;
  config: { host: string };
  packetParser: { execute(data: Uint8Array): void };
}

/**
 * Lets the driver start TLS with what the Workers runtime offers: its own way sets options that the runtime
 * refuses. The certificate and the host's name are verified, always.
 */
export function useRuntimeTls(connection: Connection): void {
  const driver = connection as unknown as Internals;
  driver.startTLS = function startTls(this: Internals, done) {
    this.stream.removeAllListeners("data");
    const options = { socket: this.stream, servername: this.config.host } as unknown as tls.ConnectionOptions;
    const secure = tls.connect(options, () => done());
    secure.on("error", done);
    secure.on("data", (data: Uint8Array) => this.packetParser.execute(data));
    this.stream = secure;
  };
}
