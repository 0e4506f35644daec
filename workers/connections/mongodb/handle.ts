import type { MongodbEntry } from "../../../shared/connections/kinds/mongodb.ts";
import type { JsonValue } from "../../../shared/encoding/json.ts";
import type { ReadLimits } from "../ask-connection.ts";
import { DocumentHandle } from "../documents/handle.ts";
import { maskDocument } from "../documents/mask-document.ts";
import { namesOf } from "../documents/sight.ts";
import type { DocumentSource } from "../documents/source.ts";
import type { AnsweredDocuments } from "./operation.ts";

/** An answer for the caller. */
export interface DocumentAnswer extends AnsweredDocuments {
  /** What may be why nothing was found. */
  hints: string[];
}

/** A MongoDB connection, opened for one call: everything that it does goes through the rules of its caller. */
export class MongodbHandle extends DocumentHandle<MongodbEntry> {
  hides(source: DocumentSource, path: string): boolean {
    return this.sight.isHidden(namesOf([source]), path);
  }

  /** Runs a pipeline that the caller wrote, on a collection of the catalogue. */
  async aggregate(
    collection: string,
    pipeline: JsonValue,
    rows: number,
    limits: ReadLimits,
  ): Promise<DocumentAnswer> {
    const { judgeAggregation } = await import("../judge/mongodb/judge.ts");
    const judged = judgeAggregation(collection, pipeline, await this.sources(limits), this.sight);
    const { entry } = this;
    const answer = (await this.read(
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
      (document) => maskDocument(document, this.sight, treatmentOf) as AnsweredDocuments["documents"][number],
    );
    return { ...answer, documents, hints };
  }
}
