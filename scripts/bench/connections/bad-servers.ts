import net, { type AddressInfo } from "node:net";

/** Ways in which a system fails. */
export const FAULTS = ["hangs", "drips", "sends garbage", "refuses"] as const;

/** One of {@link FAULTS}. */
export type Fault = (typeof FAULTS)[number];

/** Milliseconds between two bytes of a server that drips. */
const DRIP_MS = 200;

/** A listener that fails in one way. */
export interface BadServer {
  port: number;
  close(): void;
}

/** Opens a server that fails in this way; one that refuses is a port without a listener. */
export async function openBadServer(fault: Fault): Promise<BadServer> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
    if (fault === "sends garbage") socket.end("\u0000\u0001 HTTP/1.1 200 OK\r\n\r\n".repeat(50));
    if (fault === "drips") {
      // The head of an answer of PostgreSQL that announces 8 KB, one byte at a time.
      const bytes = Buffer.from([0x52, 0x00, 0x00, 0x20, 0x00]);
      let at = 0;
      const timer = setInterval(() => socket.write(bytes.subarray(at % 5, (at++ % 5) + 1)), DRIP_MS);
      socket.once("close", () => clearInterval(timer));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const close = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  if (fault === "refuses") close();
  return { port, close };
}

/** A proxy that counts what comes from the server behind it. */
export interface Meter extends BadServer {
  /** Bytes since the last look. */
  read(): number;
}

/** Opens a proxy to a server of this machine that counts the server's bytes. */
export async function openMeter(target: number): Promise<Meter> {
  let bytes = 0;
  const server = net.createServer((socket) => {
    const upstream = net.connect(target, "127.0.0.1");
    upstream.on("data", (chunk) => {
      bytes += chunk.length;
    });
    for (const [one, other] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      one.on("error", () => other.destroy());
      one.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () => server.close(),
    read() {
      const read = bytes;
      bytes = 0;
      return read;
    },
  };
}
