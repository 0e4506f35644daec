/**
 * Functions of ClickHouse that compute from their arguments alone, lower case. Not here: what reads settings, files,
 * dictionaries, other tables or servers, what waits, and what takes a lambda (`dictGet`, `joinGet`, `file`, `sleep`).
 */
const AGGREGATES =
  "any anylast argmax argmin avg avgweighted count covarpop covarsamp corr first_value grouparray groupuniqarray " +
  "kurtpop kurtsamp last_value max median min quantile quantileexact quantiles skewpop skewsamp stddevpop stddevsamp " +
  "sum topk uniq uniqcombined uniqexact uniqhll12 varpop varsamp groupbitand groupbitor groupbitxor";

const WINDOW =
  "row_number rank dense_rank percent_rank cume_dist ntile lag lead laginframe leadinframe nth_value";

const NUMBERS =
  "abs acos asin atan atan2 cbrt ceil ceiling cos degrees exp exp2 exp10 floor gcd greatest intdiv intdivorzero " +
  "isfinite isinfinite isnan lcm least log log2 log10 ln mod modulo negate pi plus minus multiply divide pow power " +
  "radians round rounddown roundbankers roundtoexp2 sign sin sqrt tan trunc truncate widthbucket bar";

const CONDITIONS =
  "coalesce if ifnull isnotnull isnull multiif nullif assumenotnull tonullable isZeroOrNull equals notequals less " +
  "greater lessorequals greaterorequals and or xor not";

const TEXTS =
  "ascii base64decode base64encode char char_length character_length concat concatwithseparator concat_ws countsubstrings " +
  "domain domainwithoutwww empty endswith extract extractall format hex ilike lcase left leftpad length lengthutf8 like " +
  "lower lowerutf8 lpad ltrim match md5 multisearchany notempty notilike notlike path position positioncaseinsensitive " +
  "positionutf8 replace replaceall replaceone replaceregexpall replaceregexpone reverse reverseutf8 right rightpad rpad " +
  "rtrim sha1 sha256 soundex splitbychar splitbystring startswith substr substring substringutf8 substringindex " +
  "topleveldomain trim trimboth trimleft trimright trybase64decode ucase unhex upper upperutf8 protocol " +
  "cutquerystring extracturlparameter";

const DATES =
  "adddays addhours addminutes addmonths addquarters addseconds addweeks addyears age datediff date_diff date_trunc " +
  "datetrunc dateadd date_add datesub date_sub formatdatetime fromunixtimestamp makedate monthname now now64 now today " +
  "parsedatetime parsedatetimebesteffort parsedatetimebesteffortornull subtractdays subtracthours subtractminutes " +
  "subtractmonths subtractquarters subtractseconds subtractweeks subtractyears timeslot todate todate32 todatetime " +
  "todatetime64 todayofmonth todayofweek todayofyear tohour tointervalday tointervalhour tointervalminute " +
  "tointervalmonth tointervalquarter tointervalsecond tointervalweek tointervalyear toisoweek toisoyear tolastdayofmonth " +
  "tominute tomonday tomonth toquarter tosecond tostartofday tostartoffifteenminutes tostartoffiveminutes tostartofhour " +
  "tostartofinterval tostartofisoyear tostartofminute tostartofmonth tostartofquarter tostartofsecond tostartofweek " +
  "tostartofyear totimezone tounixtimestamp toweek toyear toyearweek toyyyymm toyyyymmdd yesterday year month day hour " +
  "minute second quarter";

const CONVERSIONS =
  "todecimal32 todecimal64 todecimal128 tofixedstring tofloat32 tofloat32ornull tofloat64 tofloat64ornull tofloat64orzero " +
  "toint8 toint16 toint32 toint32ornull toint64 toint64ornull toint64orzero tostring touint8 touint16 touint32 touint64 " +
  "touint64ornull touint64orzero touuid touuidornull tobool accuratecastornull totypename";

const COLLECTIONS =
  "array arrayconcat arraycount arraydistinct arrayelement arrayexists arrayjoin arraymax arraymin arrayavg arraysum " +
  "arrayreverse arrayslice arraysort arraystringconcat arrayuniq has hasall hasany indexof map mapcontains mapkeys " +
  "mapvalues tuple tupleelement jsonextract jsonextractbool jsonextractfloat jsonextractint jsonextractkeys " +
  "jsonextractraw jsonextractstring jsonextractuint jsonhas jsonlength jsontype isvalidjson simplejsonextractstring " +
  "simplejsonextractint visitparamextractstring json_value json_query";

const OTHERS =
  "cityhash64 xxhash64 siphash64 halfmd5 ipv4numtostring ipv4stringtonum ipv6numtostring isipv4string isipv6string " +
  "geodistance greatcircledistance h3isvalid runningdifference bitand bitor bitxor bitnot bitshiftleft bitshiftright bitcount";

const split = (text: string) => text.toLowerCase().split(" ");

/** Names of the allowed functions, lower case. */
export const FUNCTIONS: ReadonlySet<string> = new Set(
  [AGGREGATES, WINDOW, NUMBERS, CONDITIONS, TEXTS, DATES, CONVERSIONS, COLLECTIONS, OTHERS].flatMap(split),
);

const AGGREGATE_NAMES = new Set(split(AGGREGATES));

/** Whether a call may be made: a name of the list, or an aggregate with a combinator such as `sumIf`. */
export function isAllowed(name: string): boolean {
  const lower = name.toLowerCase();
  if (FUNCTIONS.has(lower)) return true;
  const [, base] = /^(.+?)(?:distinct)?(?:if|ornull|ordefault|array)$/.exec(lower) ?? [];
  return base !== undefined && AGGREGATE_NAMES.has(base);
}

/** Functions that make a text as long as their second argument. */
export const GROWING: ReadonlySet<string> = new Set(split("leftpad rightpad lpad rpad tofixedstring"));

/** Words that a name without quotes may not be. */
export const RESERVED: ReadonlySet<string> = new Set(
  (
    "ALL AND ANTI ANY APPLY ARRAY AS ASC ASOF BETWEEN BY CASE CAST COLUMNS CROSS DESC DISTINCT ELSE END EXCEPT EXISTS " +
    "FINAL FORMAT FROM FULL GLOBAL GROUP HAVING ILIKE IN INNER INTERSECT INTERVAL INTO IS JOIN LEFT LIKE LIMIT NATURAL " +
    "NOT NULL OFFSET ON OR ORDER OUTFILE PARALLEL PASTE PREWHERE QUALIFY REGEXP REPLACE RIGHT SAMPLE SELECT SEMI " +
    "SETTINGS THEN TOTALS UNION USING VALUES WHEN WHERE WINDOW WITH FILL INTERPOLATE TRUE FALSE"
  ).split(" "),
);

/** Units of INTERVAL and EXTRACT. */
export const UNITS: ReadonlySet<string> = new Set(
  "SECOND SECONDS MINUTE MINUTES HOUR HOURS DAY DAYS WEEK WEEKS MONTH MONTHS QUARTER QUARTERS YEAR YEARS".split(
    " ",
  ),
);

/** Types of CAST and `::`. */
export const TYPES =
  /^(?:U?Int(?:8|16|32|64|128|256)|Float(?:32|64)|String|Bool|Date|Date32|DateTime|UUID|IPv4|IPv6|Decimal)$/;
