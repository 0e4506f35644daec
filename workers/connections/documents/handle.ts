import type { MaskRules } from "../../../shared/call/mask-rules.ts";
import type { PrincipalIdentity } from "../../../shared/call/principal.ts";
import { ToolError } from "../../../shared/call/tool-error.ts";
import type { ConnectionEntry } from "../../../shared/connections/entry.ts";
import type { CacheRule } from "../../../shared/connections/kinds/common.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import type { WriteKey } from "../../../shared/objects/connection-gate.ts";
import { findNearMisses } from "../../../shared/text/near-misses.ts";
import {
  askConnection,
  type CallLimits,
  type CatalogueLimits,
  type Operation,
  type ReadLimits,
  toError,
} from "../ask-connection.ts";
import { rememberCatalogue } from "../catalogue-memory.ts";
import { findKeyRefusal, writeKeyOf } from "../write-keys.ts";
import type { DocumentStore } from "./search-objects.ts";
import { type ClassifiedEntry, FieldSight } from "./sight.ts";
import type { DocumentSource } from "./source.ts";

/** An entry of a kind that holds documents or messages. */
export type DocumentEntry = ConnectionEntry & ClassifiedEntry & { cache?: CacheRule | undefined };

/** A connection as one call uses it. */
export interface DocumentCall<Entry> {
  env: Env;
  name: string;
  revision: string;
  entry: Entry;
  principal: PrincipalIdentity;
  masks: MaskRules;
}

/**
 * A connection to documents or messages, opened for one call: everything that it does goes through the rules of its
 * caller.
 */
export abstract class DocumentHandle<Entry extends DocumentEntry> implements DocumentStore {
  protected readonly name: string;
  protected readonly entry: Entry;
  protected readonly sight: FieldSight;
  readonly #call: DocumentCall<Entry>;

  constructor(call: DocumentCall<Entry>) {
    this.#call = call;
    this.name = call.name;
    this.entry = call.entry;
    this.sight = new FieldSight(call.entry, call.masks);
  }

  /** What the connection exposes, as the other system describes it; some minutes old at most, which the call is told. */
  async catalogue(call: CatalogueLimits): Promise<readonly DocumentSource[]> {
    return await this.sources(call, (cached) => call.fromCache(cached));
  }

  /** The catalogue for a call that does not show it. */
  protected async sources(
    limits: CallLimits,
    fromCache?: CatalogueLimits["fromCache"],
  ): Promise<readonly DocumentSource[]> {
    const { name, revision } = this.#call;
    const read = async () => (await this.ask("catalogue", {}, limits)) as unknown as DocumentSource[];
    return await rememberCatalogue(`${name}@${revision}`, read, fromCache);
  }

  abstract hides(source: DocumentSource, path: string): boolean;

  /** Reads what may be given again, if the entry says so. Throws a `ToolError` in our own words. */
  protected read(
    operation: string,
    args: Readonly<Record<string, JsonValue>>,
    call: ReadLimits,
  ): Promise<JsonValue> {
    const { cache: rule } = this.entry;
    const cache = rule && { rule, tool: operation, masks: this.#call.masks, call };
    return this.#send({ name: operation, arguments: args, repeatable: true, cache }, call);
  }

  /** Sends one operation to the connection. Throws a `ToolError` in our own words. */
  protected ask(
    operation: string,
    args: Readonly<Record<string, JsonValue>>,
    limits: CallLimits,
  ): Promise<JsonValue> {
    return this.#send({ name: operation, arguments: args, repeatable: true }, limits);
  }

  /** Sends one write, with its key where the caller named it by one. Throws a `ToolError` in our own words. */
  protected write(
    operation: string,
    args: Readonly<Record<string, JsonValue>>,
    limits: CallLimits,
    once: WriteKey | undefined,
  ): Promise<JsonValue> {
    return this.#send({ name: operation, arguments: args, repeatable: false, once }, limits);
  }

  /** The key of a write, as its caller chose it for these arguments; nothing without one. */
  keyOf(tool: string, input: Readonly<Record<string, JsonValue | undefined>>): WriteKey | undefined {
    const { principal, entry } = this.#call;
    return writeKeyOf(principal.userId, tool, input, { kind: entry.kind, reach: entry.reach });
  }

  /** Throws what a write with this key would throw without being carried out. */
  async refuseKey(once: WriteKey | undefined): Promise<void> {
    const { env, name } = this.#call;
    const failure = once && (await findKeyRefusal(env, name, once));
    if (failure) throw toError(failure);
  }

  #send(operation: Operation, limits: CallLimits): Promise<JsonValue> {
    const { env, name, revision, entry, principal } = this.#call;
    return askConnection(env, { name, revision, entry }, operation, principal, limits);
  }

  /** Says that there is no such source, with the names that are close to it. */
  protected unknownSource(noun: string, asked: string, catalogue: readonly DocumentSource[]): ToolError {
    const near = findNearMisses(
      asked.slice(0, 249),
      catalogue.map(({ name }) => name),
    );
    const hint = near.length > 0 ? ` Did you mean ${near.join(" or ")}?` : "";
    const message = `There is no ${noun} ${JSON.stringify(asked.slice(0, 80))}.${hint}`;
    return new ToolError("invalid_input", message, {
      suggestedAction: `Look it up with ${this.name}_search_objects.`,
    });
  }
}
