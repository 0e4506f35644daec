/**
 * Functions of PostgreSQL that compute from their arguments alone, by name. Not here: what reads or changes
 * settings, the session, files, the catalogue, sequences, locks or large objects, and what runs a text as SQL
 * (`query_to_xml`, `ts_stat`, `ts_rewrite`).
 */
const AGGREGATES =
  "any_value array_agg avg bit_and bit_or bit_xor bool_and bool_or count every json_agg json_object_agg jsonb_agg " +
  "jsonb_object_agg max min range_agg range_intersect_agg string_agg sum corr covar_pop covar_samp regr_avgx regr_avgy " +
  "regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy stddev stddev_pop stddev_samp variance " +
  "var_pop var_samp mode percentile_cont percentile_disc rank dense_rank percent_rank cume_dist row_number ntile lag " +
  "lead first_value last_value nth_value";

const NUMBERS =
  "abs cbrt ceil ceiling degrees div exp floor gcd lcm ln log log10 min_scale mod pi power pow radians round scale " +
  "sign sqrt trim_scale trunc width_bucket acos acosd asin asind atan atand atan2 atan2d cos cosd cot cotd sin sind tan " +
  "tand sinh cosh tanh asinh acosh atanh random bit_count num_nulls num_nonnulls erf erfc";

const TEXTS =
  "ascii bit_length btrim casefold char_length character_length chr concat concat_ws convert_from convert_to decode encode " +
  "format initcap left length like_escape lower lpad ltrim md5 normalize is_normalized octet_length overlay parse_ident position " +
  "quote_ident quote_literal quote_nullable regexp_count regexp_instr regexp_like regexp_match regexp_matches " +
  "regexp_replace regexp_split_to_array regexp_split_to_table regexp_substr repeat replace reverse right rpad rtrim " +
  "sha224 sha256 sha384 sha512 similar_to_escape split_part starts_with string_to_array string_to_table strpos substr " +
  "substring text to_ascii to_hex to_bin to_oct translate unistr upper get_bit get_byte crc32 crc32c";

const DATES =
  "age clock_timestamp date date_add date_bin date_part date_subtract date_trunc extract isfinite justify_days " +
  "justify_hours justify_interval make_date make_interval make_time make_timestamp make_timestamptz now overlaps " +
  "statement_timestamp timezone to_char to_date to_number to_timestamp transaction_timestamp";

const JSON_VALUES =
  "array_to_json json_array_elements json_array_elements_text json_array_length json_build_array json_build_object " +
  "json_each json_each_text json_extract_path json_extract_path_text json_object json_object_keys json_strip_nulls " +
  "json_to_record json_to_recordset json_typeof jsonb_array_elements jsonb_array_elements_text jsonb_array_length " +
  "jsonb_build_array jsonb_build_object jsonb_each jsonb_each_text jsonb_extract_path jsonb_extract_path_text " +
  "jsonb_insert jsonb_object jsonb_object_keys jsonb_path_exists jsonb_path_exists_tz jsonb_path_match jsonb_path_match_tz " +
  "jsonb_path_query jsonb_path_query_array jsonb_path_query_array_tz jsonb_path_query_first jsonb_path_query_first_tz " +
  "jsonb_path_query_tz jsonb_pretty jsonb_set jsonb_set_lax jsonb_strip_nulls jsonb_to_record jsonb_to_recordset " +
  "jsonb_typeof row_to_json to_json to_jsonb";

const ARRAYS =
  "array_append array_cat array_dims array_length array_lower array_ndims array_position array_positions array_prepend " +
  "array_remove array_replace array_reverse array_sample array_shuffle array_sort array_to_string array_upper cardinality " +
  "generate_series generate_subscripts trim_array unnest";

const RANGES =
  "daterange int4range int8range numrange tsrange tstzrange datemultirange int4multirange int8multirange nummultirange " +
  "tsmultirange tstzmultirange isempty lower_inc lower_inf range_merge upper_inc upper_inf multirange";

const SEARCH =
  "array_to_tsvector numnode phraseto_tsquery plainto_tsquery querytree setweight strip to_tsquery " +
  "to_tsvector ts_delete ts_filter ts_headline ts_rank ts_rank_cd tsquery_phrase tsvector_to_array websearch_to_tsquery";

const OTHERS =
  "abbrev broadcast family host hostmask inet_merge inet_same_family masklen netmask network set_masklen area center " +
  "diameter height radius width box circle line lseg path point polygon npoints pclose popen isclosed isopen slope " +
  "bool int2 int4 int8 float4 float8 numeric interval time timestamp timestamptz uuid_extract_timestamp " +
  "uuid_extract_version gen_random_uuid";

/** Names of the allowed functions. */
export const FUNCTIONS: ReadonlySet<string> = new Set(
  [AGGREGATES, NUMBERS, TEXTS, DATES, JSON_VALUES, ARRAYS, RANGES, SEARCH, OTHERS].join(" ").split(" "),
);

/** Columns of functions in FROM with names of their own; every other one has the name of its alias. */
export const FUNCTION_COLUMNS: Readonly<Record<string, readonly string[]>> = {
  json_array_elements: ["value"],
  json_array_elements_text: ["value"],
  jsonb_array_elements: ["value"],
  jsonb_array_elements_text: ["value"],
  json_each: ["key", "value"],
  json_each_text: ["key", "value"],
  jsonb_each: ["key", "value"],
  jsonb_each_text: ["key", "value"],
};
