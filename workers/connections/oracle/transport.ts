import { AsyncLocalStorage } from "node:async_hooks";
import { RefusedRequest } from "../connector.ts";
import { connectTls } from "../runtime-tls.ts";

/** Type of the packet with which a listener sends a client to another address. */
const REDIRECT = 5;

type Stream = NodeJS.ReadWriteStream & { destroy(): void };

/** The part of the driver's transport that is used. */
interface Adapter {
  stream: Stream | null;
  connStream: Stream;
  connected: boolean;
  connect(address: Address): Promise<void>;
  ntConnect(address: Address): Promise<void>;
  tlsConnect(context: unknown, socket: Stream): Promise<void>;
  startRead(): void;
}

interface Address {
  host: string;
  port: number;
  protocol: string;
}

interface AddressNode {
  navigate(strategy: { httpsProxy?: unknown }): Promise<void>;
}

interface NetSession {
  _processPacket(packet: { type: number }): void;
}

type ClassOf<Instance> = { prototype: Instance };

/** The socket below one connection of the driver. */
export class Wire {
  readonly #title: string;
  #adapter: Adapter | null = null;
  #bytes = 0;
  #most = Number.POSITIVE_INFINITY;
  #isOver = false;

  constructor(title: string) {
    this.#title = title;
  }

  /** Counts what arrives from here on; the socket ends when it is more than `most` bytes. */
  allow(most: number): void {
    this.#bytes = 0;
    this.#isOver = false;
    this.#most = most;
  }

  /** Whether more arrived than was allowed. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Ends the socket without a word to the server. */
  destroy(): void {
    this.#adapter?.stream?.destroy();
  }

  use(adapter: Adapter): void {
    this.#adapter = adapter;
  }

  watch(): void {
    this.#adapter?.stream?.on("data", (chunk: Uint8Array) => {
      this.#bytes += chunk.byteLength;
      if (this.#bytes <= this.#most || this.#isOver) return;
      this.#isOver = true;
      this.destroy();
    });
  }

  refuseRedirect(): RefusedRequest {
    return new RefusedRequest({
      code: "unavailable",
      message: `The listener of ${this.#title} sends its clients on to another address, which is not followed.`,
      action: "Name the address of the database's own listener, not that of a cluster.",
    });
  }
}

const opening = new AsyncLocalStorage<Wire>();

/** Runs what opens a connection of the driver; its socket becomes that of `wire`. */
export function openOn<Value>(wire: Wire, open: () => Promise<Value>): Promise<Value> {
  return opening.run(wire, open);
}

let isAdapted = false;

/**
 * Lets the driver use sockets of the Workers runtime. It would look hosts up by itself, and so lose the name that
 * TLS verifies; start TLS in a way that the runtime refuses; and follow a listener to any address, without TLS if the
 * listener says so.
 */
export async function adaptTransport(): Promise<void> {
  if (isAdapted) return;
  const [{ default: TransportOf }, navigation, network] = (await Promise.all([
    import("oracledb/lib/thin/sqlnet/ntTcp.js"),
    import("oracledb/lib/thin/sqlnet/navNodes.js").then((module) => module.default),
    import("oracledb/lib/thin/sqlnet/networkSession.js").then((module) => module.default),
  ])) as [
    { default: ClassOf<Adapter> },
    { NavAddress: ClassOf<AddressNode> },
    { NetworkSession: ClassOf<NetSession> },
  ];
  if (isAdapted) return;
  isAdapted = true;
  const { connect, ntConnect, startRead } = TransportOf.prototype;
  TransportOf.prototype.connect = async function connectWithWire(address) {
    opening.getStore()?.use(this);
    await connect.call(this, address);
  };
  TransportOf.prototype.startRead = function startCountedRead() {
    startRead.call(this);
    opening.getStore()?.watch();
  };
  TransportOf.prototype.ntConnect = async function connectAsStated(address) {
    if (address.protocol.toUpperCase() !== "TCPS") return await ntConnect.call(this, address);
    await new Promise<void>((resolve, reject) => {
      const done = (error?: Error) => (error ? reject(error) : resolve());
      this.stream = connectTls(address.host, address.port, done) as Stream;
    });
    this.connected = true;
  };
  TransportOf.prototype.tlsConnect = async function keepTls(_context, socket) {
    // It stands since the first byte.
    this.connStream = socket;
  };
  const { navigate } = navigation.NavAddress.prototype;
  navigation.NavAddress.prototype.navigate = async function navigateByName(strategy) {
    // As behind a proxy, the driver leaves the name to the one that opens the socket.
    const { httpsProxy } = strategy;
    strategy.httpsProxy = "none";
    try {
      await navigate.call(this, strategy);
    } finally {
      strategy.httpsProxy = httpsProxy;
    }
  };
  const { _processPacket: processPacket } = network.NetworkSession.prototype;
  network.NetworkSession.prototype._processPacket = function processOwnPacket(packet) {
    if (packet.type === REDIRECT) throw (opening.getStore() ?? new Wire("this connection")).refuseRedirect();
    processPacket.call(this, packet);
  };
}
