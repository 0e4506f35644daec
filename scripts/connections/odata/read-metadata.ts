import { DOMParser, type Element } from "@xmldom/xmldom";
import { CommandFailure } from "../../local/failure.ts";
import { isShallow } from "./check-depth.ts";
import { all, children, nameOf } from "./elements.ts";
import { type Abilities, annotationFinder, needsEtag, readAbilities } from "./read-abilities.ts";

/** Most characters of a metadata document. */
const MOST_CHARACTERS = 10_000_000;

/** Base types above each other, and elements within each other. */
const MOST_LEVELS = 40;

/** Properties and links of all types together, inherited ones for each type that has them. */
const MOST_PROPERTIES = 300_000;

/** A property, or a parameter. */
export interface ODataProperty {
  name: string;
  /** `Edm.String`, a type of the service, or `Collection(…)` of one. */
  type: string;
  maxLength: number | null;
  label: string | null;
  /** Whether a new record, or a change of one, may have it. */
  can: Readonly<Record<"create" | "update", boolean>>;
  /** Its value is part of the record's ETag (CSDL 2.0, `ConcurrencyMode`). */
  isVersion: boolean;
}

/** An entity type or a complex type, with what it has from its base types. */
export interface ODataType {
  /** Qualified. */
  name: string;
  keys: readonly string[];
  properties: readonly ODataProperty[];
  /** Names of what `$expand` follows. */
  navigation: readonly string[];
}

/** An entity set with what the service lets callers do. */
export interface ODataSet {
  name: string;
  type: string;
  label: string | null;
  can: Abilities;
  /** A change needs the ETag of the record. */
  needsEtag: boolean;
}

/** A function or action that the service offers by itself. */
export interface ODataCall {
  name: string;
  isRead: boolean;
  parameters: readonly ODataProperty[];
  returns: string | null;
}

/** What an OData service offers, as its metadata document says (CSDL 2.0 to 4.01). */
export interface ODataService {
  version: 2 | 4;
  namespace: string;
  types: ReadonlyMap<string, ODataType>;
  enums: ReadonlyMap<string, readonly string[]>;
  sets: readonly ODataSet[];
  calls: readonly ODataCall[];
}

/** Whether a text is XML, and so no OpenAPI document. */
export function isXml(text: string): boolean {
  return /^\uFEFF?\s*</.test(text);
}

/**
 * Reads an OData metadata document (EDMX). Throws {@link CommandFailure} for what is none, for one that is too large, and
 * for one with a document type: entities that stand for each other unfold to billions of characters.
 */
export function readMetadata(source: string, text: string): ODataService {
  if (text.length > MOST_CHARACTERS)
    throw new CommandFailure(
      `${source} has more than ${MOST_CHARACTERS / 1_000_000} MB.`,
      "Use the metadata of one service.",
    );
  if (/<!(?:DOCTYPE|ENTITY)/i.test(text))
    throw new CommandFailure(
      `${source} has a document type, which OData metadata never has.`,
      "Fetch the metadata again.",
    );
  const root = parse(source, text);
  const schemas = all(root, "Schema");
  if (root.localName !== "Edmx" || schemas.length === 0)
    throw new CommandFailure(
      `${source} is no OData metadata.`,
      "Name the address of the service with /$metadata.",
    );
  const version = Number(root.getAttribute("Version") ?? "1") >= 4 ? 4 : 2;
  const resolve = resolver(schemas);
  const types = inheritAll(source, readTypes(schemas, resolve));
  const containers = schemas.flatMap((schema) => children(schema, "EntityContainer"));
  const annotationsOf = annotationFinder(schemas, resolve);
  return {
    version,
    namespace: schemas[0]?.getAttribute("Namespace") ?? "",
    types,
    enums: new Map(
      schemas.flatMap((schema) =>
        children(schema, "EnumType").map((one) => [
          qualified(schema, one),
          children(one, "Member").map((member) => nameOf(member)),
        ]),
      ),
    ),
    sets: containers.flatMap((container) =>
      children(container, "EntitySet").map((set) =>
        readSet(set, annotationsOf(container, set), types, resolve),
      ),
    ),
    calls: readCalls(containers, schemas, version, resolve),
  };
}

function parse(source: string, text: string): Element {
  if (!isShallow(text, MOST_LEVELS))
    throw new CommandFailure(`${source} has too many levels.`, "Fetch the metadata again.");
  try {
    const parser = new DOMParser({
      onError: (level, message) => {
        if (level !== "warning") throw new Error(message);
      },
    });
    const root = parser.parseFromString(text.replace(/^\uFEFF/, ""), "application/xml").documentElement;
    if (root !== null) return root;
  } catch (failure) {
    const why = failure instanceof Error ? (failure.message.split("\n")[0] ?? "").slice(0, 200) : "";
    throw new CommandFailure(`${source} is no XML: ${why}`, "Fetch the metadata again.");
  }
  throw new CommandFailure(`${source} is no XML.`, "Fetch the metadata again.");
}

function qualified(schema: Element, element: Element): string {
  return `${schema.getAttribute("Namespace") ?? ""}.${nameOf(element)}`;
}

/** A name with the alias of its schema resolved, and a type of another name by the primitive type that it is. */
function resolver(schemas: readonly Element[]): Resolve {
  const aliases = new Map(
    schemas.flatMap((schema) => {
      const alias = schema.getAttribute("Alias");
      return alias === null || alias === "" ? [] : [[alias, schema.getAttribute("Namespace") ?? ""]];
    }),
  );
  const primitives = new Map(
    schemas.flatMap((schema) =>
      children(schema, "TypeDefinition").map((one) => [
        qualified(schema, one),
        one.getAttribute("UnderlyingType") ?? "Edm.String",
      ]),
    ),
  );
  return (name) => {
    const [, before = "", inner = "", after = ""] = /^(Collection\()?(.*?)(\))?$/.exec(name) ?? [];
    const dot = inner.lastIndexOf(".");
    const namespace = aliases.get(inner.slice(0, dot));
    const whole = namespace === undefined ? inner : `${namespace}${inner.slice(dot)}`;
    return `${before}${primitives.get(whole) ?? whole}${after}`;
  };
}

type RawType = ODataType & { base: string | null };

type Resolve = (name: string) => string;

function readTypes(schemas: readonly Element[], resolve: Resolve): Map<string, RawType> {
  const found = new Map<string, RawType>();
  for (const schema of schemas) {
    for (const one of [...children(schema, "EntityType"), ...children(schema, "ComplexType")]) {
      const base = one.getAttribute("BaseType");
      found.set(qualified(schema, one), {
        name: qualified(schema, one),
        base: base === null || base === "" ? null : resolve(base),
        keys: children(one, "Key").flatMap((key) => children(key, "PropertyRef").map(nameOf)),
        properties: children(one, "Property").map((property) => readProperty(property, resolve)),
        navigation: children(one, "NavigationProperty").map(nameOf),
      });
    }
  }
  return found;
}

function readProperty(element: Element, resolve: Resolve): ODataProperty {
  const length = Number(element.getAttribute("MaxLength") ?? "");
  return {
    name: nameOf(element),
    type: resolve(element.getAttribute("Type") ?? "Edm.String"),
    maxLength: Number.isInteger(length) && length > 0 ? length : null,
    label: labelOf(element),
    can: {
      create: element.getAttribute("sap:creatable") !== "false",
      update: element.getAttribute("sap:updatable") !== "false",
    },
    isVersion: element.getAttribute("ConcurrencyMode") === "Fixed",
  };
}

function labelOf(element: Element): string | null {
  const label = element.getAttribute("sap:label") ?? element.getAttribute("sap:quickinfo");
  return label === null || label.trim() === "" ? null : label.trim();
}

/** Counts on the way: one wide base type with many others below it would be billions of properties. */
function inheritAll(source: string, raw: ReadonlyMap<string, RawType>): Map<string, ODataType> {
  const types = new Map<string, ODataType>();
  let count = 0;
  for (const name of raw.keys()) {
    const type = inherit(raw, name);
    count += type.properties.length + type.navigation.length;
    if (count > MOST_PROPERTIES)
      throw new CommandFailure(
        `${source} has types with more than ${MOST_PROPERTIES} properties together, inherited ones included.`,
        "Use the metadata of one service.",
      );
    types.set(name, type);
  }
  return types;
}

function inherit(raw: ReadonlyMap<string, RawType>, name: string): ODataType {
  const chain: RawType[] = [];
  for (
    let here = raw.get(name);
    here !== undefined && chain.length < MOST_LEVELS;
    here = raw.get(here.base ?? "")
  ) {
    if (chain.includes(here)) break;
    chain.unshift(here);
  }
  return {
    name,
    keys: chain.find(({ keys }) => keys.length > 0)?.keys ?? [],
    properties: chain.flatMap(({ properties }) => properties),
    navigation: chain.flatMap(({ navigation }) => navigation),
  };
}

function readSet(
  element: Element,
  annotations: readonly Element[],
  types: ReadonlyMap<string, ODataType>,
  resolve: Resolve,
): ODataSet {
  const type = resolve(element.getAttribute("EntityType") ?? "");
  const isVersioned = types.get(type)?.properties.some(({ isVersion }) => isVersion) ?? false;
  return {
    name: nameOf(element),
    type,
    label: labelOf(element),
    can: readAbilities(element, annotations),
    needsEtag: isVersioned || needsEtag(annotations),
  };
}

function readCalls(
  containers: readonly Element[],
  schemas: readonly Element[],
  version: 2 | 4,
  resolve: Resolve,
): ODataCall[] {
  const parametersOf = (element: Element) =>
    children(element, "Parameter").map((one) => readProperty(one, resolve));
  if (version === 2)
    return containers
      .flatMap((container) => children(container, "FunctionImport"))
      .map((one) => ({
        name: nameOf(one),
        isRead: (httpMethodOf(one) ?? "GET") === "GET",
        parameters: parametersOf(one).filter(({ name }) => name !== ""),
        returns: resolve(one.getAttribute("ReturnType") ?? ""),
      }));
  return (["Function", "Action"] as const).flatMap((kind) =>
    containers
      .flatMap((container) => children(container, `${kind}Import`))
      .flatMap((one) => {
        const wanted = resolve(one.getAttribute(kind) ?? "");
        const [declared] = schemas.flatMap((schema) =>
          children(schema, kind).filter(
            (candidate) =>
              qualified(schema, candidate) === wanted && candidate.getAttribute("IsBound") !== "true",
          ),
        );
        if (declared === undefined) return [];
        const [returns] = children(declared, "ReturnType");
        return [
          {
            name: nameOf(one),
            isRead: kind === "Function",
            parameters: parametersOf(declared),
            returns: returns === undefined ? null : resolve(returns.getAttribute("Type") ?? ""),
          },
        ];
      }),
  );
}

/** `m:HttpMethod`, whatever its prefix. */
function httpMethodOf(element: Element): string | null {
  const found = Array.from(element.attributes).find(({ localName }) => localName === "HttpMethod");
  return found?.value.toUpperCase() ?? null;
}
