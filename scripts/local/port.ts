import net from "node:net";
import { CommandFailure } from "./failure.ts";

/** Default port of Gatehouse. */
const DEFAULT_PORT = 8787;

/**
 * Parses a port number from a flag or `PORT`. Throws a {@link CommandFailure} for anything but 1 to 65535.
 */
export function parsePort(text: string | undefined): number {
  if (text === undefined || text === "") return DEFAULT_PORT;
  const port = Number(text);
  if (!/^\d+$/.test(text) || port < 1 || port > 65535) {
    throw new CommandFailure(
      `"${text}" is not a port number.`,
      "Use a number from 1 to 65535: PORT=8788 npm start",
    );
  }
  return port;
}

/**
 * Throws a {@link CommandFailure} when another process listens on `port` on either loopback address. Checks
 * both: a client that resolves `localhost` to the other address would reach that process.
 */
export async function requireFreePort(port: number): Promise<void> {
  if (await isPortFree(port)) return;
  const free = await findFreePort(port + 1);
  throw new CommandFailure(
    `Port ${port} is in use by another program.`,
    `Stop that program (it may be an earlier Gatehouse), or choose another port: PORT=${free} npm start`,
  );
}

/** A port that the system gives, without a listener on either loopback address. */
export async function pickPort(): Promise<number> {
  for (;;) {
    const probe = net.createServer();
    await new Promise<void>((resolve, reject) => {
      probe.once("error", reject).listen(0, "127.0.0.1", resolve);
    });
    const { port } = probe.address() as net.AddressInfo;
    await new Promise((resolve) => probe.close(resolve));
    if (await isPortFree(port)) return port;
  }
}

async function isPortFree(port: number): Promise<boolean> {
  const answers = await Promise.all(["127.0.0.1", "::1"].map((host) => canListen(port, host)));
  return answers.every(Boolean);
}

function canListen(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = net.createServer();
    // A machine without IPv6 answers EADDRNOTAVAIL or EAFNOSUPPORT: the port is free there.
    probe.once("error", (error: NodeJS.ErrnoException) =>
      resolve(error.code !== "EADDRINUSE" && error.code !== "EACCES"),
    );
    probe.listen({ port, host, exclusive: true }, () => probe.close(() => resolve(true)));
  });
}

/** The first port from `from` on without a listener on either loopback address. */
export async function findFreePort(from: number): Promise<number> {
  for (let port = from; port < from + 50 && port <= 65535; port++) if (await isPortFree(port)) return port;
  return from;
}
