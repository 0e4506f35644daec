import type { Db, FindCursor } from "mongodb";
import type { MongodbEntry } from "../../../shared/connections/kinds/mongodb.ts";
import { RefusedRequest } from "../connector.ts";
import type { DocumentField, DocumentSource } from "../documents/source.ts";
import { matchExposed } from "../sql/expose.ts";

/** Documents of a collection from which its fields are learnt. */
const SAMPLE = 50;

/** Documents of a sample that come at once, and bytes after which no more are asked for. */
const BATCH = 5;
const SAMPLE_BYTES = 2_000_000;

/** Collections of a catalogue, and fields of one. */
const MOST_COLLECTIONS = 100;
const MOST_FIELDS = 500;

/** Levels of a document that are looked at. */
const MOST_LEVELS = 6;

/**
 * The collections and views that an entry exposes, with the fields of a sample of their documents.
 *
 * @param onText - is given each text of the sample with its collection and path
 */
export async function readMongodbCatalogue(
  database: Db,
  { expose }: MongodbEntry,
  timeoutMs: number,
  onText: (collection: string, path: string, text: string) => void = () => {},
): Promise<DocumentSource[]> {
  const isExposed = matchExposed({ tables: expose.collections, except: expose.except });
  const listed = await database
    .listCollections({}, { nameOnly: true, maxTimeMS: timeoutMs, authorizedCollections: true })
    .toArray();
  const exposed = listed
    .filter(({ name }) => isExposed(name) && !name.startsWith("system."))
    .slice(0, MOST_COLLECTIONS);
  const sources: DocumentSource[] = [];
  for (const { name, type } of exposed) {
    const kind = type === "view" ? "view" : "collection";
    // The newest ones, by the index that every collection has.
    const newest = kind === "view" ? {} : { sort: { _id: -1 } as const };
    const bounds = { limit: SAMPLE, batchSize: BATCH, maxTimeMS: timeoutMs };
    const sample = await readSample(
      database.collection(name).find({}, { ...bounds, ...newest, useBigInt64: true }),
    );
    const documents =
      kind === "view"
        ? null
        : await database.collection(name).estimatedDocumentCount({ maxTimeMS: timeoutMs });
    sources.push({
      name,
      kind,
      alsoKnownAs: [],
      documents,
      fields: fieldsOfSample(sample, onText.bind(null, name)),
    });
  }
  return sources.sort((one, other) => (one.name < other.name ? -1 : 1));
}

/** Documents until they have bytes enough. Ones that are too large to be read say nothing of their fields. */
async function readSample(cursor: FindCursor): Promise<object[]> {
  const { BSON } = await import("mongodb");
  const documents: object[] = [];
  let left = SAMPLE_BYTES;
  try {
    for await (const document of cursor) {
      documents.push(document);
      left -= BSON.calculateObjectSize(document);
      if (left < 0) break;
    }
  } catch (failure) {
    if (!(failure instanceof RefusedRequest)) throw failure;
  }
  return documents;
}

/** Paths and types of some documents. Lists count as what is in them. */
function fieldsOfSample(
  sample: readonly object[],
  onText: (path: string, text: string) => void,
): DocumentField[] {
  const types = new Map<string, Set<string>>();
  const note = (path: string, type: string) => {
    if (types.size >= MOST_FIELDS && !types.has(path)) return;
    types.set(path, (types.get(path) ?? new Set()).add(type));
  };
  const visit = (value: unknown, path: string, level: number) => {
    const type = typeOf(value);
    note(path, type);
    if (typeof value === "string" && types.has(path)) onText(path, value);
    if (level >= MOST_LEVELS) return;
    if (type === "array") for (const item of (value as unknown[]).slice(0, 20)) visit(item, path, level + 1);
    if (type !== "object") return;
    for (const [name, inner] of Object.entries(value as object)) visit(inner, `${path}.${name}`, level + 1);
  };
  for (const document of sample) for (const [name, value] of Object.entries(document)) visit(value, name, 1);
  return [...types].map(([path, found]) => ({
    path,
    type: [...found].filter((type) => type !== "null" || found.size === 1).join(" or "),
    isObject: found.has("object"),
    from: [],
    isOpaque: false,
  }));
}

function typeOf(value: unknown): string {
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return "array";
  if (value instanceof Date) return "date";
  if (typeof value === "bigint") return "long";
  if (typeof value !== "object") return typeof value;
  const { _bsontype } = value as { _bsontype?: string };
  return _bsontype === undefined ? "object" : _bsontype.charAt(0).toLowerCase() + _bsontype.slice(1);
}
