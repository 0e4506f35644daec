import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import type { Certificates } from "./certificates.ts";
import { type RunningServer, STARTS } from "./debian-servers.ts";

/** The kinds of servers that can be killed. */
export type KilledKind = keyof typeof STARTS;

/**
 * Kills and starts servers for tests, which run where no process can be reached: `POST /start/<kind>` starts one of its
 * own, or starts it again, and answers with its address, or `null` where it is not installed; `POST /kill/<kind>` ends it
 * with SIGKILL. Nothing else uses these servers. They end with this process.
 *
 * @returns the address to ask
 */
export async function startKiller(folder: string, certificates: Certificates): Promise<string> {
  const started = new Map<string, RunningServer>();
  const perform = async (what: string, kind: KilledKind): Promise<object | null> => {
    const known = started.get(kind);
    if (what === "kill") await known?.kill();
    else if (known !== undefined) await known.restart();
    else {
      const server = await STARTS[kind](path.join(folder, `killed-${kind}`), certificates);
      if (server === null) return null;
      started.set(kind, server);
    }
    return started.get(kind)?.address ?? null;
  };
  const server = createServer((request, response) => {
    const [, what = "", kind = ""] = (request.url ?? "").split("/");
    perform(what, kind as KilledKind).then(
      (address) => response.end(JSON.stringify(address)),
      (failure: unknown) => response.writeHead(500).end(String(failure)),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  server.unref();
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
