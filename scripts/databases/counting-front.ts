import { createServer } from "node:http";
import { type AddressInfo, connect, createServer as createTcp, type Server, type Socket } from "node:net";

/** A front of a server that counts its clients. */
export type CountingFront = {
  port: number;
  /** Address to ask: `/look` gives {@link FrontLook}; `/hold` keeps new sockets from the server, `/let` ends that. */
  control: string;
};

/**
 * Sockets of clients: those that are not wholly closed, the most at the same moment since the last look that their clients had
 * not ended, and those that are held. What is still sent to a closed socket tells a front later than its client that it is.
 */
export interface FrontLook {
  open: number;
  most: number;
  held: number;
}

/** Starts a front of a server at an address. It ends with this process. */
export async function startCountingFront(host: string, port: number): Promise<CountingFront> {
  const open = new Set<Socket>();
  const used = new Set<Socket>();
  const held = new Map<Socket, () => void>();
  let isHeld = false;
  let most = 0;
  const front = createTcp((client) => {
    client.on("error", () => {});
    client.on("end", () => used.delete(client));
    client.on("close", () => {
      open.delete(client);
      used.delete(client);
      held.delete(client);
    });
    const forward = () => {
      held.delete(client);
      const server = connect(port, host);
      server.on("error", () => {});
      server.on("close", () => client.destroy());
      client.on("close", () => server.destroy());
      server.pipe(client);
      client.pipe(server);
    };
    if (isHeld) held.set(client.resume(), forward);
    else forward();
    // The end of an earlier socket may be read after this one.
    setImmediate(() => {
      if (client.destroyed) return;
      open.add(client);
      if (!client.readableEnded) used.add(client);
      most = Math.max(most, used.size);
    });
  });
  const control = createServer(({ url }, response) => {
    if (url === "/hold") isHeld = true;
    if (url === "/let") {
      isHeld = false;
      for (const forward of held.values()) forward();
    }
    response.end(JSON.stringify({ open: open.size, most, held: held.size } satisfies FrontLook));
    if (url === "/look") most = used.size;
  });
  return { port: await listen(front), control: `http://127.0.0.1:${await listen(control)}` };
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  server.unref();
  return (server.address() as AddressInfo).port;
}
