import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from "node:crypto";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { BSON } from "mongodb";

type Document = Record<string, unknown>;

/** What a double does. */
export interface MongodbBehaviour {
  user: string;
  password: string;
  /** Documents by collection; every read gives those of its collection. */
  collections: Readonly<Record<string, readonly Document[]>>;
  /** Answer of `connectionStatus`. */
  privileges: readonly Document[];
  /** Answers a command in place of the double, bytes as they are; `undefined` leaves it to the double, `null` never answers. */
  answer?(command: Document): Document | Buffer | null | undefined;
}

/** A server that speaks MongoDB's wire protocol (OP_MSG) with SCRAM-SHA-256, and runs no query. */
export interface MongodbDouble {
  port: number;
  /** Commands since its start, without those of signing in and watching. */
  asked: Document[];
  /** Sockets that are open. */
  sockets(): number;
  /** Most sockets that were open at the same moment, each from its first message on: the end of an earlier one came before. */
  most(): number;
  close(): void;
}

const WATCHING = /^(?:hello|ismaster|isMaster|saslStart|saslContinue|ping|endSessions|killCursors)$/;

/** Documents of one batch of an answer that names no number. */
const BATCH = 101;

/** Starts a double on a port of its own. */
export async function startMongodbDouble(behaviour: MongodbBehaviour): Promise<MongodbDouble> {
  const asked: Document[] = [];
  const open = new Set<Socket>();
  const spoken = new Set<Socket>();
  let most = 0;
  const server: Server = createServer((socket) => {
    open.add(socket);
    socket.unref();
    socket.on("close", () => {
      open.delete(socket);
      spoken.delete(socket);
    });
    socket.on("error", () => {});
    const conversation = new Conversation(behaviour, asked);
    let rest = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      spoken.add(socket);
      most = Math.max(most, spoken.size);
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 4 && rest.length >= rest.readInt32LE(0)) {
        const length = rest.readInt32LE(0);
        const reply = conversation.receive(rest.subarray(0, length));
        rest = rest.subarray(length);
        if (reply !== null) socket.write(reply);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // The process that started it ends when its other work is done.
  server.unref();
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    sockets: () => open.size,
    most: () => most,
    close() {
      for (const socket of open) socket.destroy();
      server.close();
    },
  };
}

/** A shop for tests in the runtime, with an account `reader` and the password of `publish-connections.ts`. */
export function startMongodbShop(): Promise<MongodbDouble> {
  const customer = { name: "Ann", email: "ann@people.example" };
  return startMongodbDouble({
    user: "reader",
    password: "only-reads-4711",
    privileges: [{ resource: { db: "shop", collection: "" }, actions: ["find", "listCollections"] }],
    collections: { orders: [{ _id: 1, status: "open", total: 12.5, customer }], secrets: [{ token: "t0p" }] },
  });
}

/** One socket: who signed in, and the rest of its cursors. */
class Conversation {
  readonly #behaviour: MongodbBehaviour;
  readonly #asked: Document[];
  #scram: { first: string; server: string } | null = null;
  #isKnown = false;
  readonly #cursors = new Map<number, readonly Document[]>();

  constructor(behaviour: MongodbBehaviour, asked: Document[]) {
    this.#behaviour = behaviour;
    this.#asked = asked;
  }

  receive(message: Buffer): Buffer | null {
    const requestId = message.readInt32LE(4);
    const isOld = message.readInt32LE(12) === 2004;
    // OP_QUERY: flags, name of the collection, skip, number; OP_MSG: flags, kind of the section.
    const start = isOld ? message.indexOf(0, 20) + 9 : 21;
    const length = message.readInt32LE(start);
    const command = BSON.deserialize(message.subarray(start, start + length), {
      useBigInt64: true,
    }) as Document;
    const answer = this.#answer(command);
    if (answer === null || Buffer.isBuffer(answer)) return answer as Buffer | null;
    const document = BSON.serialize({ ok: 1, ...answer });
    const frame = isOld ? Buffer.alloc(36) : Buffer.alloc(21);
    frame.writeInt32LE(frame.length + document.length, 0);
    frame.writeInt32LE(requestId, 8);
    frame.writeInt32LE(isOld ? 1 : 2013, 12);
    if (isOld) frame.writeInt32LE(1, 32);
    return Buffer.concat([frame, document]);
  }

  #answer(command: Document): Document | Buffer | null {
    const [name = ""] = Object.keys(command);
    if (!WATCHING.test(name)) this.#asked.push(command);
    const given = this.#behaviour.answer?.(command);
    if (given !== undefined) return given;
    switch (name) {
      case "hello":
      case "ismaster":
      case "isMaster":
        return hello();
      case "saslStart":
        return this.#startScram(
          String(command.payload instanceof BSON.Binary ? command.payload.toString("utf8") : ""),
        );
      case "saslContinue":
        return this.#endScram(command.payload instanceof BSON.Binary ? command.payload.toString("utf8") : "");
      case "ping":
      case "endSessions":
      case "killCursors":
        return {};
    }
    if (!this.#isKnown) return refuse(13, "command requires authentication");
    switch (name) {
      case "connectionStatus": {
        const authenticatedUsers = [{ user: this.#behaviour.user, db: "admin" }];
        return { authInfo: { authenticatedUsers, authenticatedUserPrivileges: this.#behaviour.privileges } };
      }
      case "buildInfo":
        return { version: "8.0.4" };
      case "listCollections":
        return this.#cursor(
          Object.keys(this.#behaviour.collections).map((own) => ({ name: own, type: "collection" })),
        );
      case "count":
        return { n: this.#behaviour.collections[String(command.count)]?.length ?? 0 };
      case "find":
      case "aggregate":
        return this.#cursor(this.#behaviour.collections[String(command[name])] ?? [], batchOf(command));
      case "getMore": {
        const id = Number(command.getMore);
        const rows = this.#cursors.get(id) ?? [];
        const size = Number(command.batchSize ?? rows.length);
        this.#cursors.set(id, rows.slice(size));
        const isLast = rows.length <= size;
        if (isLast) this.#cursors.delete(id);
        return { cursor: { id: isLast ? 0n : BigInt(id), ns: "shop.x", nextBatch: rows.slice(0, size) } };
      }
      default:
        return refuse(59, `no such command: '${name}'`);
    }
  }

  #cursor(rows: readonly Document[], batch = BATCH): Document {
    const id = rows.length > batch ? this.#cursors.size + 1 : 0;
    if (id > 0) this.#cursors.set(id, rows.slice(batch));
    return { cursor: { id: BigInt(id), ns: "shop.x", firstBatch: rows.slice(0, batch) } };
  }

  /** RFC 5802 and RFC 7677, as MongoDB uses them. */
  #startScram(payload: string): Document {
    const first = payload.replace(/^n,,/, "");
    const nonce = /r=([^,]+)/.exec(first)?.[1] ?? "";
    const server = `r=${nonce}${randomBytes(9).toString("base64")},s=${SALT.toString("base64")},i=4096`;
    this.#scram = { first, server };
    return { conversationId: 1, done: false, payload: new BSON.Binary(Buffer.from(server)) };
  }

  #endScram(payload: string): Document {
    const { first = "", server = "" } = this.#scram ?? {};
    if (payload === "") return { conversationId: 1, done: true, payload: new BSON.Binary(Buffer.alloc(0)) };
    const [withoutProof = "", proof = ""] = payload.split(",p=");
    const salted = pbkdf2Sync(this.#behaviour.password, SALT, 4_096, 32, "sha256");
    const about = `${first},${server},${withoutProof}`;
    const clientKey = hmac(salted, "Client Key");
    const signature = hmac(createHash("sha256").update(clientKey).digest(), about);
    const expected = Buffer.from(clientKey.map((byte, at) => byte ^ (signature[at] ?? 0)));
    const given = Buffer.from(proof, "base64");
    const isRight = given.length === expected.length && timingSafeEqual(given, expected);
    if (!isRight || !first.startsWith(`n=${this.#behaviour.user},`))
      return refuse(18, "Authentication failed.");
    this.#isKnown = true;
    const verifier = hmac(hmac(salted, "Server Key"), about).toString("base64");
    return { conversationId: 1, done: true, payload: new BSON.Binary(Buffer.from(`v=${verifier}`)) };
  }
}

function batchOf({ batchSize, cursor }: Document): number {
  return Number(batchSize ?? (cursor as Document | undefined)?.batchSize ?? BATCH);
}

const SALT = Buffer.from("a salt of sixteen");

function hmac(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

/** An error as the server answers it. */
export function refuse(code: number, errmsg: string): Document {
  return { ok: 0, code, codeName: "X", errmsg };
}

function hello(): Document {
  return {
    helloOk: true,
    isWritablePrimary: true,
    ismaster: true,
    maxBsonObjectSize: 16_777_216,
    maxMessageSizeBytes: 48_000_000,
    maxWriteBatchSize: 100_000,
    localTime: new Date(0),
    minWireVersion: 0,
    maxWireVersion: 25,
    readOnly: false,
    saslSupportedMechs: ["SCRAM-SHA-256"],
  };
}
