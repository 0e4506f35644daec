import { ToolError } from "../../../shared/call/tool-error.ts";
import type { KafkaEntry } from "../../../shared/connections/kinds/kafka.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import type { WriteKey } from "../../../shared/objects/connection-gate.ts";
import { holdsMask } from "../../../shared/redact/mask-value.ts";
import type { CallLimits, ReadLimits } from "../ask-connection.ts";
import { DocumentHandle } from "../documents/handle.ts";
import { maskDocument } from "../documents/mask-document.ts";
import type { DocumentSource } from "../documents/source.ts";
import { isGroupExposed, mayProduce } from "./catalogue.ts";
import type { PartitionOffsets, PeekOperation, SeenMessage, SeenMessages } from "./operation.ts";

/** Where a message was written. `replayed`: by an earlier call with the same key. */
interface WrittenMessage {
  partition: number;
  offset: string | null;
  replayed?: true;
}

/** A Kafka connection, opened for one call: everything that it does goes through the rules of its caller. */
export class KafkaHandle extends DocumentHandle<KafkaEntry> {
  hides(source: DocumentSource, path: string): boolean {
    return this.sight.isHidden([source.name], path);
  }

  async offsets(topic: string, group: string | undefined, limits: ReadLimits): Promise<PartitionOffsets[]> {
    await this.#requireTopic(topic, limits);
    if (group !== undefined && !isGroupExposed(this.entry, group)) {
      throw new ToolError("forbidden", "This connection does not expose that consumer group.", {
        suggestedAction: "Leave `group` out, or ask the owner of the connection to expose it.",
      });
    }
    const args = { topic, group: group ?? null };
    return (await this.read("offsets", args, limits)) as unknown as PartitionOffsets[];
  }

  /** Messages, each with what the role may see. */
  async peek(
    { topic, partition, from, rows }: Pick<PeekOperation, "topic" | "partition" | "from" | "rows">,
    limits: ReadLimits,
  ): Promise<SeenMessages> {
    await this.#requireTopic(topic, limits);
    const { limits: most } = this.entry;
    const args = { topic, partition, from, rows: Math.min(rows, most.rows), bytes: most.bytes };
    const answer = (await this.read(
      "peek",
      args as Record<string, JsonValue>,
      limits,
    )) as unknown as SeenMessages;
    return { ...answer, messages: answer.messages.map((message) => this.#mask(topic, message)) };
  }

  /** @param once - for a message that its caller names by a key */
  async produce(
    message: { topic: string; key: string | null; value: JsonValue; headers: Record<string, string> },
    limits: CallLimits,
    once: WriteKey | undefined,
  ): Promise<WrittenMessage> {
    await this.#checkProduce(message, limits);
    const { topic, key, value, headers } = message;
    const text = typeof value === "string" ? value : JSON.stringify(value);
    const args = { topic, key, value: text, headers };
    return (await this.write("produce", args, limits, once)) as unknown as WrittenMessage;
  }

  async #checkProduce({ topic, ...parts }: { topic: string }, limits: CallLimits): Promise<void> {
    await this.#requireTopic(topic, limits);
    if (!mayProduce(this.entry, topic)) {
      throw new ToolError("forbidden", "This connection does not write to that topic.", {
        suggestedAction: `It writes to: ${this.entry.produce.join(", ")}.`,
      });
    }
    if (holdsMask(JSON.stringify(parts))) {
      throw new ToolError(
        "invalid_input",
        "The message holds a masked value, which nothing should read as the true one.",
        {
          suggestedAction: "Leave it out, or give the true value.",
        },
      );
    }
  }

  #mask(topic: string, message: SeenMessage): SeenMessage {
    if (!this.sight.hidesAny) return message;
    const treatmentOf = (path: string) => this.sight.treatmentOf([topic], path);
    const part = (path: string, value: JsonValue) => {
      // Text and bytes may hold what is hidden, and nothing says where.
      const isPlain = typeof value !== "object" || value === null || "bytes" in value || "schema_id" in value;
      if (isPlain && value !== null && this.sight.mayHideBelow([topic], path))
        return "(withheld from your role)";
      return treatmentOf(path) === "drop" ? null : maskDocument(value, this.sight, treatmentOf, path);
    };
    const { key, value, headers } = message;
    return {
      ...message,
      key: part("key", key),
      value: part("value", value),
      headers: Object.fromEntries(
        Object.entries(headers).map(([name, inner]) => [name, part(`headers.${name}`, inner)]),
      ),
    };
  }

  async #requireTopic(topic: string, limits: CallLimits): Promise<void> {
    const topics = await this.sources(limits);
    if (!topics.some(({ name }) => name === topic)) throw this.unknownSource("topic", topic, topics);
  }
}
