import type { KafkaEntry } from "../../../shared/connections/kinds/kafka.ts";
import { digestText } from "../../../shared/encoding/canonical-json.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import type {
  ConnectionReport,
  ConnectionRequest,
  ConnectionTarget,
} from "../../../shared/objects/connection-gate.ts";
import {
  type Connector,
  PartialAnswer,
  RefusedRequest,
  type Session,
  type SessionCaller,
  withoutPassword,
} from "../connector.ts";
import { budgetOf, openOrClose } from "../open-or-close.ts";
import { SharedClient } from "../shared-client.ts";
import { matchExposed } from "../sql/expose.ts";
import { isTooLarge } from "./bounds.ts";
import { isGroupExposed, mayProduce, readTopics } from "./catalogue.ts";
import { type Cluster, choosePartition, openCluster } from "./driver.ts";
import { explainKafka, explainTimeout, TIMED_OUT } from "./errors.ts";
import { inspectKafka } from "./inspect.ts";
import { kafkaOperation } from "./operation.ts";
import { peek, readOffsets } from "./read-messages.ts";

/** Part of a request's time in which messages are fetched: the rest is for its answer. */
const OWN_SHARE = 0.9;

/** Rejects after the time of a request, as the driver does of its own: calls of one cluster may have other limits. */
async function withinTime<Value>(work: () => Promise<Value>, timeoutMs: number): Promise<Value> {
  const late = Promise.withResolvers<never>();
  const failure = Object.assign(new Error(`No answer within ${timeoutMs} ms.`), { name: TIMED_OUT });
  const timer = setTimeout(() => late.reject(failure), timeoutMs);
  const running = work();
  try {
    return await Promise.race([running, late.promise]);
  } finally {
    clearTimeout(timer);
    running.catch(() => {});
  }
}

/** Connects to Kafka with the protocol code of `kafkajs`. */
export const kafka: Connector = {
  async open(_env, { entry }, secret, memory, timeoutMs) {
    const own = entry as KafkaEntry;
    if (own.auth.type !== "none" && secret === null) throw new RefusedRequest(withoutPassword(entry.title));
    const left = budgetOf(timeoutMs);
    const { cluster, close } = await openCluster(own, secret);
    const make = () => ({ client: cluster, close });
    // The sessions of an object share a cluster: a socket to each broker, whatever the number of calls.
    const key = digestText(JSON.stringify([own.reach, own.auth, secret]));
    const shared = await SharedClient.use(key, make, memory, left());
    const session = new KafkaSession(shared);
    const connect = () => session.connect();
    await shared.run(() => openOrClose(connect, () => session.close(), left()));
    return session;
  },
  explain: explainKafka,
};

class KafkaSession implements Session {
  readonly #shared: SharedClient<Cluster>;
  #usable = true;

  constructor(shared: SharedClient<Cluster>) {
    this.#shared = shared;
  }

  isUsable(): boolean {
    return this.#usable && this.#shared.isOpen && this.#shared.client.isConnected();
  }

  async connect(): Promise<void> {
    const { client } = this.#shared;
    if (!client.isConnected()) await client.connect();
  }

  async run(
    target: ConnectionTarget,
    request: ConnectionRequest,
    timeoutMs: number,
    { checkCancelled }: Pick<SessionCaller, "checkCancelled">,
  ): Promise<JsonValue | PartialAnswer> {
    const work = () => withinTime(() => this.#run(target, request, timeoutMs, checkCancelled), timeoutMs);
    try {
      return await this.#shared.run(work, !request.repeatable);
    } catch (failure) {
      // The broker has it, and may have carried it out: nothing tells that it was refused.
      if (!request.repeatable && failure instanceof Error && isTooLarge(failure))
        throw new Error("The answer to a request that must not be repeated could not be read.");
      // Partitions have moved to other brokers; the request is sent again with a fresh view.
      const { type = "" } = failure as { type?: string };
      if (/^(?:NOT_LEADER|LEADER_NOT_AVAILABLE|UNKNOWN_TOPIC)/.test(type))
        await this.#shared.client.refreshMetadata().catch(() => {});
      const late = explainTimeout(failure, target, request.repeatable);
      throw late === null ? failure : new RefusedRequest(late);
    }
  }

  async #run(
    { entry }: ConnectionTarget,
    request: ConnectionRequest,
    timeoutMs: number,
    checkCancelled: () => void,
  ): Promise<JsonValue | PartialAnswer> {
    const operation = kafkaOperation.parse({ operation: request.operation, ...request.arguments });
    const own = entry as KafkaEntry;
    const { client: cluster } = this.#shared;
    if (operation.operation === "catalogue") return (await readTopics(cluster, own)) as unknown as JsonValue;
    // The tools have checked it too; the object that holds the sockets does not rely on them.
    const { topics: tables, except } = own.expose;
    if (!matchExposed({ tables, except })(operation.topic))
      throw refuse("This connection does not expose that topic.");
    switch (operation.operation) {
      case "offsets":
        if (operation.group !== null && !isGroupExposed(own, operation.group))
          throw refuse("This connection does not expose that consumer group.");
        return (await readOffsets(cluster, operation.topic, operation.group)) as unknown as JsonValue;
      case "peek": {
        let isPart = false;
        const seen = await peek(cluster, operation, timeoutMs * OWN_SHARE, () => {
          isPart = true;
        });
        const value = seen as unknown as JsonValue;
        return isPart ? new PartialAnswer(value) : value;
      }
      case "produce": {
        if (!mayProduce(own, operation.topic)) throw refuse("This connection does not write to that topic.");
        const { topic, key, value, headers } = operation;
        await cluster.addMultipleTargetTopics([topic]);
        const { topicMetadata } = await cluster.metadata({ topics: [topic] });
        const found = topicMetadata.find((one) => one.topic === topic);
        if (found === undefined) throw refuse("The topic is not there any more.");
        const partition = await choosePartition(key, found);
        const [nodeId = ""] = Object.keys(cluster.findLeaderForPartitions(topic, [partition]));
        const broker = await cluster.findBroker({ nodeId });
        const message = { key, value, headers, timestamp: String(Date.now()) };
        checkCancelled();
        const { topics } = await broker.produce({
          acks: -1,
          timeout: timeoutMs,
          topicData: [{ topic, partitions: [{ partition, messages: [message] }] }],
        });
        const offset = topics[0]?.partitions[0]?.baseOffset ?? null;
        return { partition, offset };
      }
    }
  }

  async inspect({ entry }: ConnectionTarget): Promise<ConnectionReport> {
    const { client } = this.#shared;
    // It takes a failure of what it tries for a right: it is not ended before.
    return await this.#shared.run(() => inspectKafka(client, entry as KafkaEntry), true);
  }

  /** Each request is bounded by what the broker has; a wait ends with the request's time limit. */
  async cancel(): Promise<void> {}

  close(): void {
    if (!this.#usable) return;
    this.#usable = false;
    this.#shared.release();
  }
}

function refuse(message: string): RefusedRequest {
  return new RefusedRequest({ code: "forbidden", message });
}
