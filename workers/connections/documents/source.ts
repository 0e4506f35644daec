/** An index, alias, collection or another place that holds documents. */
export interface DocumentSource {
  name: string;
  /** What the other system calls it: `index`, `alias`, `data stream`, `collection`. */
  kind: string;
  /** Names under which its documents are known besides, such as the indices behind an alias. */
  alsoKnownAs: readonly string[];
  /** Estimated; `null` if the other system does not say. */
  documents: number | null;
  fields: readonly DocumentField[];
}

/** A field, by its path from the document: `customer.email`. */
export interface DocumentField {
  path: string;
  type: string;
  /** Whether it has fields below it and no value of its own. */
  isObject: boolean;
  /** Fields whose values it holds as well. */
  from: readonly string[];
  /** What it holds cannot be told from the catalogue: a script, or an object of unknown fields. */
  isOpaque: boolean;
}
