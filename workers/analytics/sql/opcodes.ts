/**
 * Opcodes of SQLite's virtual machine (https://www.sqlite.org/opcode.html) that a read-only program may
 * contain. An allow-list: an opcode that a future engine adds is refused until it has been reviewed.
 */

/** Control flow, values, comparisons and functions: these touch registers only. */
const COMPUTING = [
  "Init Goto Gosub Return BeginSubrtn InitCoroutine EndCoroutine Yield Halt HaltIfNull Once Jump Noop Explain Trace",
  "If IfNot IfNotZero IfPos IfNullRow DecrJumpZero MustBeInt IsNull NotNull IsType ElseEq ZeroOrNull IsTrue ReleaseReg",
  "Integer Int64 Real String String8 Null SoftNull Blob Variable Move Copy SCopy IntCopy AddImm RealAffinity Affinity",
  "Add Subtract Multiply Divide Remainder Concat BitAnd BitOr BitNot ShiftLeft ShiftRight And Or Not Cast MakeRecord",
  "Eq Ne Lt Le Gt Ge Compare Permutation CollSeq OffsetLimit ClrSubtype GetSubtype SetSubtype ResultRow Filter FilterAdd",
  "Function PureFunc AggStep AggStep1 AggInverse AggValue AggFinal RowSetAdd RowSetRead RowSetTest Sequence SequenceTest",
];

/** Cursor movement and row reads. */
const READING = [
  "Transaction ReadCookie OpenRead ReopenIdx OpenDup OpenPseudo OpenEphemeral OpenAutoindex SorterOpen Close ColumnsUsed",
  "Column VColumn Offset Rowid IdxRowid RowData RowCell NullRow Count DeferredSeek FinishSeek Rewind Last Next Prev Sort",
  "SeekGE SeekGT SeekLE SeekLT SeekRowid SeekScan SeekHit SeekEnd NotExists Found NotFound NoConflict IfNoHope IfEmpty",
  "IfSizeBetween IdxGE IdxGT IdxLE IdxLT SorterInsert SorterSort SorterData SorterCompare SorterNext VOpen VFilter VNext",
  "VInitIn",
];

/** Change rows: allowed on the statement's own scratch tables only. */
const SCRATCH = "Insert IdxInsert Delete IdxDelete NewRowid ResetSorter Clear";

/** All opcodes of read-only programs. */
export const ALLOWED_OPCODES: ReadonlySet<string> = new Set(
  [...COMPUTING, ...READING, SCRATCH].join(" ").split(" "),
);

/** Opcodes that write to the cursor in `p1`, which must then be a scratch table. */
export const SCRATCH_OPCODES: ReadonlySet<string> = new Set(SCRATCH.split(" "));

/** Opcodes that open a scratch table as cursor `p1`; the table is in memory and ends with the statement. */
export const SCRATCH_OPENERS: ReadonlySet<string> = new Set([
  "OpenEphemeral",
  "OpenAutoindex",
  "SorterOpen",
  "OpenPseudo",
]);

/** Opcodes that call a function, whose name and argument count are in `p4`. */
export const CALLING_OPCODES: ReadonlySet<string> = new Set([
  "Function",
  "PureFunc",
  "AggStep",
  "AggStep1",
  "AggInverse",
  "AggValue",
  "AggFinal",
]);

/**
 * Functions that create large values from small arguments, or leave the database. D1 itself refuses the
 * latter.
 */
export const REFUSED_FUNCTIONS: ReadonlySet<string> = new Set([
  "randomblob",
  "zeroblob",
  "load_extension",
  "fts3_tokenizer",
  "readfile",
  "writefile",
  "edit",
]);
