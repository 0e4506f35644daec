import type { JsonValue } from "../../../shared/encoding/json.ts";
import type { Part } from "../openapi/local-references.ts";
import type { ODataCall, ODataProperty, ODataService, ODataSet, ODataType } from "./read-metadata.ts";
import { schemaName } from "./schema-names.ts";

/** What stands around a value in an address (OData URL Conventions, «Literal»). */
export interface Literal {
  before: string;
  after: string;
}

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

/** Describes an OData service as an OpenAPI 3.1 document: lists, records, writes, functions and actions. */
export function describeService(service: ODataService): DescribedService {
  const paths: Record<string, Part> = {};
  const lists = new Set<string>();
  const literals = new Map<string, Map<string, Literal>>();
  const put = (path: string, method: string, operation: Part) => {
    paths[path] = { ...paths[path], [method]: operation };
  };
  for (const set of service.sets) {
    const type = service.types.get(set.type);
    if (type === undefined || !SIMPLE.test(set.name)) continue;
    addSet(service, set, type, put, literals);
    if (set.can.read) lists.add(`list_${set.name}`);
  }
  for (const call of service.calls) if (SIMPLE.test(call.name)) addCall(service, call, put, literals);
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
  put: Put,
  literals: Map<string, Map<string, Literal>>,
): void {
  const { name, can } = set;
  const title = set.label ?? name;
  const reference = { $ref: `#/components/schemas/${schemaName(service, type.name)}` };
  const one = service.version === 2 ? { type: "object", properties: { d: reference } } : reference;
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
        query("$top", "integer", "Most records", { minimum: 1, maximum: 1_000 }),
        query("$skip", "integer", "Records that are left out at the beginning", { minimum: 0 }),
        ...expandOf(type),
      ],
      responses: answer(listOf(service, reference)),
    } as unknown as Part);
  if (can.create)
    put(`/${name}`, "post", {
      operationId: `create_${name}`,
      summary: `Create ${title}`,
      tags: [name],
      requestBody: bodyOf(reference),
      responses: answer(one, "201"),
    } as unknown as Part);
  const key = keyOf(service, type);
  if (key === null) return;
  const path = `/${name}(${key.template})`;
  const etag = {
    name: "If-Match",
    in: "header",
    schema: { type: "string", maxLength: 500 },
    description: "ETag of the record as it was read, or * for any",
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
      responses: answer(one),
    });
  if (can.update)
    add("patch", "update", {
      parameters: [...key.parameters, etag],
      requestBody: bodyOf(reference),
      responses: {},
    });
  if (can.delete) add("delete", "delete", { parameters: [...key.parameters, etag], responses: {} });
}

function addCall(
  service: ODataService,
  call: ODataCall,
  put: Put,
  literals: Map<string, Map<string, Literal>>,
): void {
  const parameters = call.parameters.filter(({ name }) => SIMPLE.test(name));
  const operation = { operationId: call.name, summary: call.name, tags: ["functions"] };
  const responses = answer(call.returns === null ? {} : wrap(service, valueSchema(service, call.returns)));
  const own = new Map(parameters.map(({ name, type }) => [name, literalOf(service, type)] as const));
  if (service.version === 4 && !call.isRead) {
    const properties = Object.fromEntries(parameters.map((one) => [one.name, propertySchema(service, one)]));
    put(`/${call.name}`, "post", {
      ...operation,
      requestBody: bodyOf({ type: "object", properties }),
      responses,
    } as unknown as Part);
    return;
  }
  literals.set(call.name, own);
  const place = service.version === 2 ? "query" : "path";
  const described = parameters.map((one) => ({
    name: one.name,
    in: place,
    required: place === "path",
    schema: literalSchema(service, one),
    ...(one.label !== null && { description: one.label }),
  }));
  const template = parameters.map(({ name }) => `${name}={${name}}`).join(",");
  const path = service.version === 2 ? `/${call.name}` : `/${call.name}(${template})`;
  put(path, call.isRead ? "get" : "post", {
    ...operation,
    parameters: described,
    responses,
  } as unknown as Part);
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
    if (property === undefined || !SIMPLE.test(property.name) || !property.type.startsWith("Edm."))
      return null;
    const { name, label } = property;
    parts.push(found.length === 1 ? `{${name}}` : `${name}={${name}}`);
    literals.set(name, literalOf(service, property.type));
    parameters.push({
      name,
      in: "path",
      required: true,
      schema: literalSchema(service, property),
      ...(label !== null && { description: label }),
    } as unknown as Part);
  }
  return { template: parts.join(","), parameters, literals };
}

/** OData 2.0 §2.2.6.1.1 and OData 4.01 URL Conventions §5.1.1.6.1. */
function literalOf({ version }: ODataService, type: string): Literal {
  const around = (before: string, after = "") => ({ before, after });
  switch (type) {
    case "Edm.Guid":
      return version === 2 ? around("guid'", "'") : around("");
    case "Edm.DateTime":
      return around("datetime'", "'");
    case "Edm.DateTimeOffset":
      return version === 2 ? around("datetimeoffset'", "'") : around("");
    case "Edm.Time":
      return around("time'", "'");
    case "Edm.Int64":
      return around("", version === 2 ? "L" : "");
    case "Edm.Decimal":
      return around("", version === 2 ? "M" : "");
    case "Edm.Double":
    case "Edm.Single":
    case "Edm.Int16":
    case "Edm.Int32":
    case "Edm.Byte":
    case "Edm.SByte":
    case "Edm.Boolean":
    case "Edm.Date":
    case "Edm.TimeOfDay":
      return around("");
    default:
      return around("'", "'");
  }
}

/** Values without quotes around them are checked, so that they end where they are written. */
function literalSchema(service: ODataService, { type, maxLength }: ODataProperty): Record<string, JsonValue> {
  const { before } = literalOf(service, type);
  if (before.endsWith("'")) return { type: "string", maxLength: maxLength ?? 500 };
  switch (type) {
    case "Edm.Boolean":
      return { type: "boolean" };
    case "Edm.Int16":
    case "Edm.Int32":
    case "Edm.Byte":
    case "Edm.SByte":
      return { type: "integer" };
    case "Edm.Guid":
      return { type: "string", pattern: "^[0-9A-Fa-f-]{36}$" };
    case "Edm.Date":
    case "Edm.TimeOfDay":
    case "Edm.DateTimeOffset":
      return { type: "string", pattern: "^[0-9T:.Z+-]{1,40}$" };
    default:
      return { type: "string", pattern: "^[0-9.+-]{1,80}$", description: "A number as text" };
  }
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
  const members = service.enums.get(type);
  if (members !== undefined && members.length > 0) return { type: "string", enum: [...members] };
  switch (type) {
    case "Edm.Boolean":
      return { type: "boolean" };
    case "Edm.Int16":
    case "Edm.Int32":
    case "Edm.Byte":
    case "Edm.SByte":
      return { type: "integer" };
    case "Edm.Int64":
    case "Edm.Decimal":
      // JSON of OData 2.0 has them as texts, so that no digit is lost.
      return service.version === 2 ? { type: "string" } : { type: "number" };
    case "Edm.Double":
    case "Edm.Single":
      return { type: "number" };
    case "Edm.Date":
      return { type: "string", format: "date" };
    case "Edm.DateTimeOffset":
      return service.version === 2 ? { type: "string" } : { type: "string", format: "date-time" };
    case "Edm.DateTime":
      return { type: "string", description: "Such as 2026-01-31T00:00:00, or /Date(1769817600000)/" };
    default:
      return { type: "string" };
  }
}

function listOf(service: ODataService, items: Part): Part {
  const rows = { type: "array", items };
  const schema =
    service.version === 2
      ? { type: "object", properties: { d: { type: "object", properties: { results: rows } } } }
      : { type: "object", properties: { value: rows } };
  return schema as unknown as Part;
}

function wrap(service: ODataService, schema: Record<string, JsonValue>): Part {
  return (service.version === 2 ? { type: "object", properties: { d: schema } } : schema) as unknown as Part;
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
