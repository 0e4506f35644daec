/**
 * Functions that a statement may call, grouped by the work of one call. An allow-list: a function that a
 * future engine adds is refused until it has been reviewed. Names as `EXPLAIN` gives them, lower case.
 */

/** Work that does not depend on the length of a text, or on its first characters only. */
const SHORT = [
  "abs acos acosh asin asinh atan atan2 atanh ceil ceiling cos cosh degrees exp floor ln log log10 log2 mod pi pow power",
  "radians random round sign sin sinh sqrt tan tanh trunc coalesce ifnull iif if nullif likelihood likely unlikely typeof",
  "date time datetime julianday unixepoch timediff subtype min max count sum total avg median percentile percentile_cont",
  "percentile_disc row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value",
];

/** Work that grows with the length of the arguments and the result. */
const LINEAR = [
  "length octet_length substr substring lower upper hex unhex quote char unicode unistr unistr_quote soundex concat concat_ws",
  "printf format strftime group_concat string_agg json json_array json_array_length json_error_position json_extract -> ->>",
  "json_insert json_object json_patch json_quote json_remove json_replace json_set json_type json_valid json_group_array",
  "json_group_object json_each json_tree",
];

/** Work that grows with the product of two lengths: the text and the search string. */
const SEARCHING = "instr replace trim ltrim rtrim like glob";

export const SHORT_FUNCTIONS = toSet(SHORT);
const LINEAR_FUNCTIONS = toSet(LINEAR);
export const SEARCHING_FUNCTIONS = toSet([SEARCHING]);

/** Functions that concatenate the texts of many rows. */
export const COLLECTING_FUNCTIONS = toSet(["group_concat string_agg json_group_array json_group_object"]);

/** Whether a statement may call the function. */
export function isOffered(name: string): boolean {
  return SHORT_FUNCTIONS.has(name) || LINEAR_FUNCTIONS.has(name) || SEARCHING_FUNCTIONS.has(name);
}

function toSet(lines: readonly string[]): ReadonlySet<string> {
  return new Set(lines.join(" ").split(" "));
}
