import { DOMParser, type Element } from "@xmldom/xmldom";
import { CommandFailure } from "../../local/failure.ts";
import { isShallow } from "./check-depth.ts";

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

/** An entity set with what the service lets callers do (SAP's annotations; without them, everything). */
export interface ODataSet {
  name: string;
  type: string;
  label: string | null;
  can: Readonly<Record<"read" | "create" | "update" | "delete", boolean>>;
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
  const raw = readTypes(schemas);
  const types = inheritAll(source, raw);
  const container = schemas.flatMap((schema) => children(schema, "EntityContainer"));
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
    sets: container.flatMap((one) => children(one, "EntitySet")).map((set) => readSet(set, schemas)),
    calls: readCalls(container, schemas, version),
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

function firstElement(node: Element["firstChild"]): Element | null {
  for (let here = node; here !== null; here = here.nextSibling)
    if (here.nodeType === 1) return here as Element;
  return null;
}

function all(root: Element, name: string): Element[] {
  return Array.from(root.getElementsByTagNameNS("*", name));
}

function children(parent: Element, name: string): Element[] {
  const found: Element[] = [];
  for (let here = firstElement(parent.firstChild); here !== null; here = firstElement(here.nextSibling))
    if (here.localName === name) found.push(here);
  return found;
}

/** Names become parts of paths and of tools: others than simple identifiers (CSDL §15.2) are left out by their users. */
function nameOf(element: Element): string {
  return element.getAttribute("Name") ?? "";
}

function qualified(schema: Element, element: Element): string {
  return `${schema.getAttribute("Namespace") ?? ""}.${nameOf(element)}`;
}

/** A name with the alias of its schema resolved. */
function resolver(schemas: readonly Element[]): (name: string) => string {
  const aliases = new Map(
    schemas.flatMap((schema) => {
      const alias = schema.getAttribute("Alias");
      return alias === null || alias === "" ? [] : [[alias, schema.getAttribute("Namespace") ?? ""]];
    }),
  );
  return (name) => {
    const [, before = "", inner = "", after = ""] = /^(Collection\()?(.*?)(\))?$/.exec(name) ?? [];
    const dot = inner.lastIndexOf(".");
    const namespace = aliases.get(inner.slice(0, dot));
    return namespace === undefined ? name : `${before}${namespace}${inner.slice(dot)}${after}`;
  };
}

type RawType = ODataType & { base: string | null };

function readTypes(schemas: readonly Element[]): Map<string, RawType> {
  const resolve = resolver(schemas);
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

function readProperty(element: Element, resolve: (name: string) => string): ODataProperty {
  const length = Number(element.getAttribute("MaxLength") ?? "");
  return {
    name: nameOf(element),
    type: resolve(element.getAttribute("Type") ?? "Edm.String"),
    maxLength: Number.isInteger(length) && length > 0 ? length : null,
    label: labelOf(element),
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

function readSet(element: Element, schemas: readonly Element[]): ODataSet {
  const may = (name: string) => element.getAttribute(`sap:${name}`) !== "false";
  return {
    name: nameOf(element),
    type: resolver(schemas)(element.getAttribute("EntityType") ?? ""),
    label: labelOf(element),
    can: {
      read: may("addressable"),
      create: may("creatable"),
      update: may("updatable"),
      delete: may("deletable"),
    },
  };
}

function readCalls(containers: readonly Element[], schemas: readonly Element[], version: 2 | 4): ODataCall[] {
  const resolve = resolver(schemas);
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
