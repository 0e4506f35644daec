import type { Element } from "@xmldom/xmldom";
import { children, nameOf } from "./elements.ts";

/** What a service lets callers do with the records of a set. */
export type Abilities = Readonly<Record<"read" | "create" | "update" | "delete", boolean>>;

/** SAP's attribute of a set, and the term and property of OData's vocabulary «Capabilities», that deny it. */
const DENIALS = {
  read: ["sap:addressable", "ReadRestrictions", "Readable"],
  create: ["sap:creatable", "InsertRestrictions", "Insertable"],
  update: ["sap:updatable", "UpdateRestrictions", "Updatable"],
  delete: ["sap:deletable", "DeleteRestrictions", "Deletable"],
} as const;

/**
 * Finds the annotations of an entity set, which stand within it or elsewhere in the document under its qualified name.
 *
 * @param resolve - replaces the alias of a schema
 */
export function annotationFinder(
  schemas: readonly Element[],
  resolve: (name: string) => string,
): (container: Element, set: Element) => Element[] {
  const apart = new Map<string, Element[]>();
  for (const schema of schemas) {
    for (const group of children(schema, "Annotations")) {
      const target = resolve(group.getAttribute("Target") ?? "");
      apart.set(target, [...(apart.get(target) ?? []), ...children(group, "Annotation")]);
    }
  }
  return (container, set) => {
    const namespace = (container.parentNode as Element | null)?.getAttribute("Namespace") ?? "";
    const target = `${namespace}.${nameOf(container)}/${nameOf(set)}`;
    return [...children(set, "Annotation"), ...(apart.get(target) ?? [])];
  };
}

/** What may be done with the records of a set; without annotations, everything. */
export function readAbilities(set: Element, annotations: readonly Element[]): Abilities {
  const may = ([attribute, term, property]: (typeof DENIALS)[keyof typeof DENIALS]) =>
    set.getAttribute(attribute) !== "false" &&
    !annotations.some((one) => isTerm(one, term) && isDenied(one, property));
  return {
    read: may(DENIALS.read),
    create: may(DENIALS.create),
    update: may(DENIALS.update),
    delete: may(DENIALS.delete),
  };
}

/** Whether a change needs the ETag of the record (vocabulary «Core», `OptimisticConcurrency`). */
export function needsEtag(annotations: readonly Element[]): boolean {
  return annotations.some((one) => isTerm(one, "OptimisticConcurrency"));
}

/** Terms are written with the namespace of their vocabulary or an alias of it. */
function isTerm(annotation: Element, term: string): boolean {
  return (annotation.getAttribute("Term") ?? "").split(".").at(-1) === term;
}

function isDenied(annotation: Element, property: string): boolean {
  return children(annotation, "Record")
    .flatMap((record) => children(record, "PropertyValue"))
    .filter((value) => value.getAttribute("Property") === property)
    .some(
      (value) => (value.getAttribute("Bool") ?? children(value, "Bool")[0]?.textContent?.trim()) === "false",
    );
}
