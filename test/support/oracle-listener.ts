import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createSecureServer } from "node:tls";

import { type OracleDatabase, serveOracle } from "./oracle-server.ts";

/** Types of packets (Oracle Net). */
const CONNECT = 1;
const TYPES = { accept: 2, refuse: 4, redirect: 5 } as const;

/** What the double does with a client that asks for a service of this name; every other one is not registered. */
const BEHAVIOURS = {
  LOCKED: (socket: Socket) => socket.write(refuse("(DESCRIPTION=(ERR=12526)(VSNNUM=0))")),
  FULL: (socket: Socket) => socket.write(refuse("(DESCRIPTION=(ERR=12516)(VSNNUM=0))")),
  CLOSED: (socket: Socket) => socket.destroy(),
  GARBAGE: (socket: Socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"),
  /** Sends clients on to another host. */
  CLUSTER: (socket: Socket) =>
    socket.write(pack(TYPES.redirect, withLength("(ADDRESS=(PROTOCOL=tcp)(HOST=10.0.0.9)(PORT=22))"))),
  OLD: (socket: Socket) => socket.write(accept(314)),
  /** Takes the client and never answers its sign-in. */
  DEAF: (socket: Socket) => socket.write(accept(317)),
  SILENT: () => true,
} as const;

/** A listener of this machine. */
export interface OracleListener {
  port: number;
  /** What clients sent to connect, as text. */
  asked: string[];
  /** What sessions sent, call by call. */
  calls: string[];
  /** The statements among it. */
  statements: string[];
  /** Resolves once such a statement has arrived. */
  statement(pattern: RegExp): Promise<string>;
  /** Resolves with what the next client sends after its service was named. */
  nextClient(): Promise<Socket>;
  close(): void;
}

/**
 * A double of a listener of Oracle: it refuses, redirects, accepts or breaks off, by the name of the service.
 *
 * @param secure - files of the certificate and key with which it speaks TLS
 * @param database - a double of the database behind one service; without it no client can sign in
 */
export async function startOracleListener(
  secure?: { certificate: string; key: string },
  database?: OracleDatabase & { service: string },
): Promise<OracleListener> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  let announce: (socket: Socket) => void = () => {};
  const statements: string[] = [];
  const calls: string[] = [];
  let arrived: (sql: string) => void = () => {};
  const traffic = {
    calls,
    onStatement: (sql: string) => {
      statements.push(sql);
      arrived(sql);
    },
  };
  const serve = (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    let session: ((chunk: Buffer) => void) | null = null;
    socket.on("data", (chunk) => {
      if (session !== null) return session(chunk);
      const text = chunk.toString("latin1");
      const [, service = ""] = /\(SERVICE_NAME=([^)]*)\)/.exec(text) ?? [];
      // What is no packet of the protocol, such as TLS, ends the socket.
      if (chunk[4] !== CONNECT) socket.destroy();
      if (service === "") return;
      asked.push(text.slice(text.indexOf("(DESCRIPTION")));
      if (service === database?.service) {
        session = serveOracle(socket, database, traffic);
        socket.write(accept(317));
      } else if (Object.hasOwn(BEHAVIOURS, service)) BEHAVIOURS[service as keyof typeof BEHAVIOURS](socket);
      else socket.write(refuse("(DESCRIPTION=(ERR=12514)(VSNNUM=0)(ERROR_STACK=(ERROR=(CODE=12514))))"));
      announce(socket);
    });
  };
  const server: Server =
    secure === undefined
      ? createServer(serve)
      : createSecureServer(
          { cert: await readFile(secure.certificate), key: await readFile(secure.key) },
          serve,
        ).on("tlsClientError", () => {});
  // Over TLS also at a host that the certificate does not name.
  server.listen(0, secure === undefined ? "127.0.0.1" : "0.0.0.0");
  await once(server, "listening");
  server.unref();
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    calls,
    statements,
    statement: (pattern) =>
      new Promise((resolve) => {
        arrived = (sql) => pattern.test(sql) && resolve(sql);
      }),
    nextClient: () =>
      new Promise((resolve) => {
        announce = resolve;
      }),
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

function pack(type: number, body: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt16BE(body.length + head.length, 0);
  head.writeUInt8(type, 4);
  return Buffer.concat([head, body]);
}

function withLength(text: string): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(text.length);
  return Buffer.concat([length, Buffer.from(text)]);
}

function refuse(text: string): Buffer {
  return pack(TYPES.refuse, Buffer.concat([Buffer.from([34, 0]), withLength(text)]));
}

/** Takes the client with a version of the protocol, without services of its network layer. */
function accept(version: number): Buffer {
  const body = Buffer.alloc(37);
  body.writeUInt16BE(version, 0);
  body.writeUInt16BE(8_192, 4);
  body.writeUInt16BE(8_192, 6);
  body.writeUInt8(8, 15);
  body.writeUInt32BE(8_192, 24);
  body.writeUInt32BE(65_535, 28);
  return pack(TYPES.accept, body);
}
