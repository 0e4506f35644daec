import type { MaskRules } from "../../../shared/call/mask-rules.ts";
import type { PrincipalIdentity } from "../../../shared/call/principal.ts";
import type { MongodbEntry } from "../../../shared/connections/kinds/mongodb.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import { askConnection, type CallLimits } from "../ask-connection.ts";
import { rememberCatalogue } from "../catalogue-memory.ts";
import { maskDocument } from "../documents/mask-document.ts";
import type { DocumentStore } from "../documents/search-objects.ts";
import { FieldSight, namesOf } from "../documents/sight.ts";
import type { DocumentSource } from "../documents/source.ts";
import type { AnsweredDocuments } from "./operation.ts";

/** A connection as one call uses it. */
interface MongodbCall {
  env: Env;
  name: string;
  revision: string;
  entry: MongodbEntry;
  principal: PrincipalIdentity;
  masks: MaskRules;
}

/** An answer for the caller. */
export interface DocumentAnswer extends AnsweredDocuments {
  /** What may be why nothing was found. */
  hints: string[];
}

/** A MongoDB connection, opened for one call: everything that it does goes through the rules of its caller. */
export class MongodbHandle implements DocumentStore {
  readonly #call: MongodbCall;
  readonly #sight: FieldSight;

  constructor(call: MongodbCall) {
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
    return this.#sight.isHidden(namesOf([source]), path);
  }

  /** Runs a pipeline that the caller wrote, on a collection of the catalogue. */
  async aggregate(
    collection: string,
    pipeline: JsonValue,
    rows: number,
    limits: CallLimits,
  ): Promise<DocumentAnswer> {
    const { judgeAggregation } = await import("../judge/mongodb/judge.ts");
    const judged = judgeAggregation(collection, pipeline, await this.catalogue(limits), this.#sight);
    const { entry } = this.#call;
    const answer = (await this.#ask(
      "aggregate",
      {
        collection: judged.collection,
        stages: judged.stages,
        rows: Math.min(rows, entry.limits.rows),
        bytes: entry.limits.bytes,
      },
      limits,
    )) as unknown as AnsweredDocuments;
    const hints = answer.documents.length === 0 ? judged.hints : [];
    if (judged.treatmentOf === null) return { ...answer, hints };
    const { treatmentOf } = judged;
    const documents = answer.documents.map(
      (document) =>
        maskDocument(document, this.#sight, treatmentOf) as AnsweredDocuments["documents"][number],
    );
    return { ...answer, documents, hints };
  }

  #ask(operation: string, args: Record<string, JsonValue>, limits: CallLimits): Promise<JsonValue> {
    const { env, name, revision, entry, principal } = this.#call;
    const request = { name: operation, arguments: args, repeatable: true };
    return askConnection(env, { name, revision, entry }, request, principal, limits);
  }
}
