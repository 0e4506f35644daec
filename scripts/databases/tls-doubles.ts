import { readFileSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { Certificate, FAULTS } from "./certificates.ts";

/** Ports of servers that end a client's handshake by the certificate that they show. */
export type TlsDoubles = Record<
  (typeof FAULTS)[number],
  {
    /** TLS from the first byte, and after PostgreSQL's request for it. */
    port: number;
    /** TLS after MySQL's greeting and the client's request for it. */
    mysqlPort: number;
  }
>;

/** PostgreSQL's SSLRequest («Message Formats»): its length, and the code 80877103. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

/**
 * Starts servers that speak TLS, each with a certificate that no client may take, on free ports of 127.0.0.1. They hold
 * nothing: no handshake ends well. They end with this process.
 */
export async function startTlsDoubles(
  faulty: Record<(typeof FAULTS)[number], Certificate>,
): Promise<TlsDoubles> {
  const started = Object.entries(faulty).map(async ([fault, { certificate, key }]) => {
    const files = { cert: readFileSync(certificate), key: readFileSync(key) };
    const secure = (socket: Socket) => {
      new TLSSocket(socket, { isServer: true, ...files }).on("error", () => {});
    };
    const [port, mysqlPort] = await Promise.all([
      listen((socket) => {
        socket.once("readable", () => {
          const first = socket.read() as Buffer | null;
          if (first === null) return;
          if (first.equals(SSL_REQUEST)) socket.write("S");
          else socket.unshift(first);
          secure(socket);
        });
      }),
      listen((socket) => {
        socket.write(greetAsMysql());
        socket.once("readable", () => {
          // The request for TLS: a header of 4 bytes, and 32.
          const rest = (socket.read() as Buffer | null)?.subarray(36);
          if (rest !== undefined && rest.length > 0) socket.unshift(rest);
          secure(socket);
        });
      }),
    ]);
    return [fault, { port, mysqlPort }] as const;
  });
  return Object.fromEntries(await Promise.all(started)) as TlsDoubles;
}

async function listen(onSocket: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    socket.unref();
    socket.on("error", () => {});
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  server.unref();
  return (server.address() as AddressInfo).port;
}

/** The first packet of a server that offers TLS (MySQL, «Protocol::HandshakeV10»). */
function greetAsMysql(): Buffer {
  const capabilities = 0x00_0f_8a_00 | 0x200 | 0x800 | 0x8000;
  const body = Buffer.concat([
    Buffer.from("\x0a8.0.0\0\x01\0\0\0"),
    Buffer.from("12345678\0"),
    Buffer.from([capabilities & 0xff, (capabilities >> 8) & 0xff, 33, 2, 0]),
    Buffer.from([(capabilities >> 16) & 0xff, (capabilities >> 24) & 0xff, 21]),
    Buffer.alloc(10),
    Buffer.from("123456789012\0"),
    Buffer.from("mysql_native_password\0"),
  ]);
  return Buffer.concat([Buffer.from([body.length, 0, 0, 0]), body]);
}
