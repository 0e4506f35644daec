/** One fault of an export. */
export interface Finding {
  /** Line of the file, from 1. */
  line: number;
  kind: "edited" | "missing" | "inserted" | "reordered";
  about: "record" | "checkpoint" | "removal" | "file";
  /** User id; `null` unless the finding is about a record. */
  chain: string | null;
  /** Sequence number of the record, or number of the checkpoint or removal; `null` for the file. */
  sequence: number | null;
  /** The fault in words. */
  text: string;
}
