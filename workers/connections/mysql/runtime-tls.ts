import type { Connection } from "mysql2";
import { startTls } from "../runtime-tls.ts";

interface Internals {
  startTLS(done: (error?: Error) => void): void;
  stream: NodeJS.ReadWriteStream;
  config: { host: string };
  packetParser: { execute(data: Uint8Array): void };
}

/** Lets the driver start TLS as {@link startTls} does. */
export function useRuntimeTls(connection: Connection): void {
  const driver = connection as unknown as Internals;
  driver.startTLS = function startDriverTls(this: Internals, done) {
    this.stream.removeAllListeners("data");
    const secure = startTls(this.stream, this.config.host, done);
    secure.on("data", (data: Uint8Array) => this.packetParser.execute(data));
    this.stream = secure;
  };
}
