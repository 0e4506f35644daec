import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { startMongodbDouble } from "./mongodb-double.ts";

/** A MongoDB server whose aggregations get no answer until they are let go. */
export type HeldMongodb = {
  port: number;
  /** Address to ask: `/look` gives {@link HeldLook}, `/hold` and `/let` end and begin its answers. */
  control: string;
};

/** Aggregations without an answer since the last `/hold`, and most sockets at the same moment since the start. */
export interface HeldLook {
  hanging: number;
  most: number;
}

/** Starts such a server for tests in the runtime, with the account of `startMongodbShop`. It ends with this process. */
export async function startMongodbHeld(): Promise<HeldMongodb> {
  let [isHeld, hanging] = [false, 0];
  const double = await startMongodbDouble({
    ...{ user: "reader", password: "only-reads-4711", collections: { orders: [{ total: 1 }] } },
    privileges: [{ resource: { db: "shop", collection: "" }, actions: ["find", "listCollections"] }],
    answer(command) {
      if (!("aggregate" in command) || !isHeld) return undefined;
      hanging += 1;
      return null;
    },
  });
  const control = createServer(({ url }, response) => {
    if (url === "/hold") [isHeld, hanging] = [true, 0];
    if (url === "/let") isHeld = false;
    response.end(JSON.stringify({ hanging, most: double.most() } satisfies HeldLook));
  });
  await new Promise<void>((resolve) => control.listen(0, "127.0.0.1", resolve));
  control.unref();
  return { port: double.port, control: `http://127.0.0.1:${(control.address() as AddressInfo).port}` };
}
