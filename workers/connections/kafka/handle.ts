import type { MaskRules } from "../../../shared/call/mask-rules.ts";
import type { PrincipalIdentity } from "../../../shared/call/principal.ts";
import { ToolError } from "../../../shared/call/tool-error.ts";
import type { KafkaEntry } from "../../../shared/connections/kinds/kafka.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import { holdsMask } from "../../../shared/redact/mask-value.ts";
import { findNearMisses } from "../../../shared/text/near-misses.ts";
import { askConnection, type CallLimits } from "../ask-connection.ts";
import { rememberCatalogue } from "../catalogue-memory.ts";
import { maskDocument } from "../documents/mask-document.ts";
import type { DocumentStore } from "../documents/search-objects.ts";
import { FieldSight } from "../documents/sight.ts";
import type { DocumentSource } from "../documents/source.ts";
import { isGroupExposed, mayProduce } from "./catalogue.ts";
import type { PartitionOffsets, PeekOperation, SeenMessage, SeenMessages } from "./operation.ts";

/** A connection as one call uses it. */
interface KafkaCall {
  env: Env;
  name: string;
  revision: string;
  entry: KafkaEntry;
  principal: PrincipalIdentity;
  masks: MaskRules;
}

/** A Kafka connection, opened for one call: everything that it does goes through the rules of its caller. */
export class KafkaHandle implements DocumentStore {
  readonly #call: KafkaCall;
  readonly #sight: FieldSight;

  constructor(call: KafkaCall) {
    this.#call = call;
    this.#sight = new FieldSight(call.entry, call.masks);
  }

  async catalogue(limits: CallLimits): Promise<readonly DocumentSource[]> {
    const { name, revision } = this.#call;
    return await rememberCatalogue(
      `${name}@${revision}`,
      async () => (await this.#ask("catalogue", {}, limits)) as unknown as DocumentSource[],
    );
  }

  hides(source: DocumentSource, path: string): boolean {
    return this.#sight.isHidden([source.name], path);
  }

  async offsets(topic: string, group: string | undefined, limits: CallLimits): Promise<PartitionOffsets[]> {
    await this.#requireTopic(topic, limits);
    if (group !== undefined && !isGroupExposed(this.#call.entry, group)) {
      throw new ToolError("forbidden", "This connection does not expose that consumer group.", {
        suggestedAction: "Leave `group` out, or ask the owner of the connection to expose it.",
      });
    }
    const args = { topic, group: group ?? null };
    return (await this.#ask("offsets", args, limits)) as unknown as PartitionOffsets[];
  }

  /** Messages, each with what the role may see. */
  async peek(
    { topic, partition, from, rows }: Pick<PeekOperation, "topic" | "partition" | "from" | "rows">,
    limits: CallLimits,
  ): Promise<SeenMessages> {
    await this.#requireTopic(topic, limits);
    const { limits: most } = this.#call.entry;
    const args = { topic, partition, from, rows: Math.min(rows, most.rows), bytes: most.bytes };
    const answer = (await this.#ask(
      "peek",
      args as Record<string, JsonValue>,
      limits,
    )) as unknown as SeenMessages;
    return { ...answer, messages: answer.messages.map((message) => this.#mask(topic, message)) };
  }

  async produce(
    message: { topic: string; key: string | null; value: JsonValue; headers: Record<string, string> },
    limits: CallLimits,
  ): Promise<{ partition: number; offset: string | null }> {
    await this.#checkProduce(message, limits);
    const { topic, key, value, headers } = message;
    const text = typeof value === "string" ? value : JSON.stringify(value);
    return (await this.#ask("produce", { topic, key, value: text, headers }, limits, false)) as {
      partition: number;
      offset: string | null;
    };
  }

  async #checkProduce({ topic, ...parts }: { topic: string }, limits: CallLimits): Promise<void> {
    await this.#requireTopic(topic, limits);
    if (!mayProduce(this.#call.entry, topic)) {
      throw new ToolError("forbidden", "This connection does not write to that topic.", {
        suggestedAction: `It writes to: ${this.#call.entry.produce.join(", ")}.`,
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
    if (!this.#sight.hidesAny) return message;
    const treatmentOf = (path: string) => this.#sight.treatmentOf([topic], path);
    const part = (path: string, value: JsonValue) => {
      // Text and bytes may hold what is hidden, and nothing says where.
      const isPlain = typeof value !== "object" || value === null || "bytes" in value || "schema_id" in value;
      if (isPlain && value !== null && this.#sight.mayHideBelow([topic], path))
        return "(withheld from your role)";
      return treatmentOf(path) === "drop" ? null : maskDocument(value, this.#sight, treatmentOf, path);
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
    const names = (await this.catalogue(limits)).map(({ name }) => name);
    if (names.includes(topic)) return;
    const near = findNearMisses(topic.slice(0, 249), names);
    const hint = near.length > 0 ? ` Did you mean ${near.join(" or ")}?` : "";
    throw new ToolError("invalid_input", `There is no topic ${JSON.stringify(topic.slice(0, 80))}.${hint}`, {
      suggestedAction: `Look it up with ${this.#call.name}_search_objects.`,
    });
  }

  #ask(
    operation: string,
    args: Record<string, JsonValue>,
    limits: CallLimits,
    repeatable = true,
  ): Promise<JsonValue> {
    const { env, name, revision, entry, principal } = this.#call;
    const request = { name: operation, arguments: args, repeatable };
    return askConnection(env, { name, revision, entry }, request, principal, limits);
  }
}
