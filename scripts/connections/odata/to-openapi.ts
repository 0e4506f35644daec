import type { JsonValue } from "../../../shared/encoding/json.ts";
import type { Part } from "../openapi/local-references.ts";
import { edmType, type Literal } from "./edm-types.ts";
import type { ODataCall, ODataProperty, ODataService, ODataSet, ODataType } from "./read-metadata.ts";
import { schemaName } from "./schema-names.ts";

/** A service as an OpenAPI document, with what such a document does not say. */
export interface DescribedService {
  document: Part;
  /** Operations that answer a list. */
  lists: ReadonlySet<string>;
  /** Literals of parameters, by operation and key. */
  literals: ReadonlyMap<string, ReadonlyMap<string, Literal>>;
}

/** Identifiers of CSDL that need no escape in a path. */
const SIMPLE = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;

/** Names of fields in the description of an argument. */
const MOST_NAMES = 40;

const COUNTS = "Whether the answer has the number of all records that fit, in `total`";

/** Describes an OData service as an OpenAPI 3.1 document: lists, records, writes, functions and actions. */
export function describeService(service: ODataService): DescribedService {
  const paths: Record<string, Part> = {};
  const lists = new Set<string>();
  const literals = new Map<string, Map<string, Literal>>();
  const put = (path: string, method: string, operation: Part) => {
    paths[path] = { ...paths[path], [method]: operation };
  };
  const bodies = new Map<ODataType, Bodies>();
  for (const set of service.sets) {
    const type = service.types.get(set.type);
    if (type === undefined || !SIMPLE.test(set.name)) continue;
    const own = bodies.get(type) ?? describeBodies(service, type);
    bodies.set(type, own);
    addSet(service, set, type, own, put, literals);
    if (set.can.read) lists.add(`list_${set.name}`);
  }
  for (const call of service.calls) {
    if (!SIMPLE.test(call.name) || !addCall(service, call, put, literals)) continue;
    if (call.isRead && isCollection(call.returns)) lists.add(call.name);
  }
  const schemas = Object.fromEntries(
    [...service.types.values()].map((type) => [schemaName(service, type.name), schemaOf(service, type)]),
  );
  const info = { title: service.namespace, version: String(service.version) };
  return {
    document: { openapi: "3.1.0", info, paths, components: { schemas } } as unknown as Part,
    lists,
    literals,
  };
}

type Put = (path: string, method: string, operation: Part) => void;

function addSet(
  service: ODataService,
  set: ODataSet,
  type: ODataType,
  bodies: Bodies,
  put: Put,
  literals: Map<string, Map<string, Literal>>,
): void {
  const { name, can } = set;
  const title = set.label ?? name;
  const reference = { $ref: `#/components/schemas/${schemaName(service, type.name)}` };
  const fields = namesOf(type.properties.map((property) => property.name));
  if (can.read)
    put(`/${name}`, "get", {
      operationId: `list_${name}`,
      summary: `List ${title}`,
      description: `Records of ${title}. Fields: ${fields}.`,
      tags: [name],
      parameters: [
        query("$filter", "string", `Condition, such as ${exampleOf(type)}`),
        query("$select", "string", "Names of fields, with commas between"),
        query("$orderby", "string", "Such as a field, a space and desc"),
        query("$top", "integer", "Most records", { minimum: 0, maximum: 1_000 }),
        query("$skip", "integer", "Records that are left out at the beginning", { minimum: 0 }),
        service.version === 2
          ? query("$inlinecount", "string", COUNTS, { enum: ["allpages"] })
          : query("$count", "boolean", COUNTS),
        ...expandOf(type),
      ],
      responses: answer(listOf(service, reference)),
    } as unknown as Part);
  if (can.create)
    put(`/${name}`, "post", {
      operationId: `create_${name}`,
      summary: `Create ${title}`,
      tags: [name],
      requestBody: bodyOf(bodies.create),
      responses: answer(reference, "201"),
    } as unknown as Part);
  const key = keyOf(service, type);
  if (key === null) return;
  const path = `/${name}(${key.template})`;
  const etag = {
    name: "If-Match",
    in: "header",
    required: set.needsEtag,
    schema: { type: "string", maxLength: 500 },
    description: `ETag of the record as it was read (${service.version === 2 ? "__metadata.etag" : "@odata.etag"}), or * for any`,
  };
  const add = (method: string, verb: string, more: object) => {
    literals.set(`${verb}_${name}`, key.literals);
    const words = { get: "Read", update: "Change", delete: "Delete" } as Record<string, string>;
    put(path, method, {
      operationId: `${verb}_${name}`,
      summary: `${words[verb]} a record of ${title}`,
      tags: [name],
      ...more,
    } as unknown as Part);
  };
  if (can.read)
    add("get", "get", {
      parameters: [
        ...key.parameters,
        query("$select", "string", "Names of fields, with commas between"),
        ...expandOf(type),
      ],
      responses: answer(reference),
    });
  if (can.update && bodies.update !== null)
    add("patch", "update", {
      parameters: [...key.parameters, etag],
      requestBody: bodyOf(bodies.update),
      responses: {},
    });
  if (can.delete) add("delete", "delete", { parameters: [...key.parameters, etag], responses: {} });
}

/** Whether it became an operation: a parameter of an address needs a literal. */
function addCall(
  service: ODataService,
  call: ODataCall,
  put: Put,
  literals: Map<string, Map<string, Literal>>,
): boolean {
  const parameters = call.parameters.filter(({ name }) => SIMPLE.test(name));
  const returned = call.returns === null ? {} : valueSchema(service, call.returns);
  const operation = {
    operationId: call.name,
    summary: call.name,
    tags: ["functions"],
    responses: answer(
      isCollection(call.returns) ? listOf(service, returned.items as unknown as Part) : returned,
    ),
  };
  if (service.version === 4 && !call.isRead) {
    const properties = Object.fromEntries(parameters.map((one) => [one.name, propertySchema(service, one)]));
    const requestBody = bodyOf({ type: "object", properties });
    put(`/${call.name}`, "post", { ...operation, requestBody } as unknown as Part);
    return true;
  }
  const place = service.version === 2 ? "query" : "path";
  const own = new Map<string, Literal>();
  const described: Part[] = [];
  for (const one of parameters) {
    const written = literalOf(service, one);
    if (written === null) return false;
    own.set(one.name, written.literal);
    const about = { name: one.name, in: place, required: place === "path", schema: written.schema };
    described.push(about as unknown as Part);
  }
  literals.set(call.name, own);
  const template = parameters.map(({ name }) => `${name}={${name}}`).join(",");
  const path = service.version === 2 ? `/${call.name}` : `/${call.name}(${template})`;
  put(path, call.isRead ? "get" : "post", { ...operation, parameters: described } as unknown as Part);
  return true;
}

/** The key of a record in its address: `(1)`, or `(A=1,B='x')`; `null` for one that cannot be written. */
function keyOf(
  service: ODataService,
  { keys, properties }: ODataType,
): { template: string; parameters: Part[]; literals: Map<string, Literal> } | null {
  const found = keys.map((name) => properties.find((property) => property.name === name));
  if (found.length === 0) return null;
  const parts: string[] = [];
  const parameters: Part[] = [];
  const literals = new Map<string, Literal>();
  for (const property of found) {
    if (property === undefined || !SIMPLE.test(property.name)) return null;
    const { name } = property;
    const written = literalOf(service, property);
    if (written === null) return null;
    parts.push(found.length === 1 ? `{${name}}` : `${name}={${name}}`);
    literals.set(name, written.literal);
    parameters.push({ name, in: "path", required: true, schema: written.schema } as unknown as Part);
  }
  return { template: parts.join(","), parameters, literals };
}

/** What a new record of a type and a change of one may have; `null` if nothing can be changed. */
interface Bodies {
  create: Part;
  update: Part | null;
}

function describeBodies(service: ODataService, { keys, properties }: ODataType): Bodies {
  const bodyWith = (found: readonly ODataProperty[]) =>
    ({
      type: "object",
      properties: Object.fromEntries(found.map((one) => [one.name, propertySchema(service, one)])),
    }) as unknown as Part;
  // The address says which record it is.
  const changed = properties.filter(({ name, can }) => can.update && !keys.includes(name));
  return {
    create: bodyWith(properties.filter(({ can }) => can.create)),
    update: changed.length === 0 ? null : bodyWith(changed),
  };
}

function schemaOf(service: ODataService, type: ODataType): Part {
  const properties = Object.fromEntries(
    type.properties.map((property) => [property.name, propertySchema(service, property)]),
  );
  return { type: "object", properties } as unknown as Part;
}

function propertySchema(service: ODataService, property: ODataProperty): Record<string, JsonValue> {
  const schema = valueSchema(service, property.type);
  return {
    ...schema,
    ...(property.maxLength !== null && schema.type === "string" && { maxLength: property.maxLength }),
    ...(property.label !== null && schema.$ref === undefined && { description: property.label }),
  };
}

function valueSchema(service: ODataService, type: string): Record<string, JsonValue> {
  const [, inner] = /^Collection\((.+)\)$/.exec(type) ?? [];
  if (inner !== undefined) return { type: "array", items: valueSchema(service, inner) };
  if (service.types.has(type)) return { $ref: `#/components/schemas/${schemaName(service, type)}` };
  // Places on earth and the like: any value, which the service checks.
  return { ...edmType(service, type)?.value };
}

/** A key or a parameter in an address; `null` for a type that has no literal. */
function literalOf(
  service: ODataService,
  { type, maxLength, label }: ODataProperty,
): { schema: Record<string, JsonValue>; literal: Literal } | null {
  const found = edmType(service, type);
  if (found === null) return null;
  const { argument, literal } = found;
  const schema = {
    ...argument,
    ...(maxLength !== null && argument.maxLength !== undefined && { maxLength }),
    ...(label !== null && {
      description: argument.description === undefined ? label : `${label}. ${argument.description}`,
    }),
  };
  return { schema, literal };
}

function isCollection(type: string | null): boolean {
  return type?.startsWith("Collection(") === true;
}

function listOf(service: ODataService, items: Part): Part {
  const rows = { type: "array", items };
  const schema =
    service.version === 2
      ? { type: "object", properties: { d: { type: "object", properties: { results: rows } } } }
      : { type: "object", properties: { value: rows } };
  return schema as unknown as Part;
}

function answer(schema: object, status = "200"): Part {
  return { [status]: { description: "", content: { "application/json": { schema } } } } as unknown as Part;
}

function bodyOf(schema: object): Part {
  return { required: true, content: { "application/json": { schema } } } as unknown as Part;
}

function query(name: string, type: string, description: string, more: object = {}): Part {
  const limit = type === "string" ? { maxLength: 4_000 } : {};
  return { name, in: "query", description, schema: { type, ...limit, ...more } } as unknown as Part;
}

function expandOf({ navigation }: ODataType): Part[] {
  if (navigation.length === 0) return [];
  return [query("$expand", "string", `What comes along, with commas between: ${namesOf(navigation)}`)];
}

function namesOf(names: readonly string[]): string {
  const more = names.length > MOST_NAMES ? ", …" : "";
  return `${names.slice(0, MOST_NAMES).join(", ")}${more}`;
}

/** A condition with a field of the type, so that a model sees the form. */
function exampleOf({ properties }: ODataType): string {
  const text = properties.find(({ type }) => type === "Edm.String");
  return text === undefined ? "Id eq 1" : `${text.name} eq 'value'`;
}
