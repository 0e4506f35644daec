import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcp, type Server } from "node:net";

/** A server that takes connections and says nothing. */
export type SilentServer = {
  port: number;
  /** Address that answers how many connections it had at the same moment at most, and counts from there on. */
  most: string;
};

/** Starts a silent server. It ends with this process. */
export async function startSilentServer(): Promise<SilentServer> {
  let open = 0;
  let most = 0;
  const silent = createTcp((socket) => {
    open += 1;
    most = Math.max(most, open);
    socket.on("error", () => {});
    socket.on("close", () => {
      open -= 1;
    });
    socket.resume();
  });
  const counter = createServer((_request, response) => {
    response.end(String(most));
    most = open;
  });
  return { port: await listen(silent), most: `http://127.0.0.1:${await listen(counter)}` };
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  server.unref();
  return (server.address() as AddressInfo).port;
}
