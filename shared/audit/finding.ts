/** One thing that is wrong with an export. */
export interface Finding {
  /** Line of the file, from 1. */
  line: number;
  kind: "edited" | "missing" | "inserted" | "reordered";
  about: "record" | "checkpoint" | "removal" | "file";
  /** User id; `null` unless the finding is about a record. */
  chain: string | null;
  /** Sequence number of the record, or number of the checkpoint or removal; `null` for the file. */
  sequence: number | null;
  /** What is wrong, in words. */
  text: string;
}
