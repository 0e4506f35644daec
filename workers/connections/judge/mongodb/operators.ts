/** Operators whose argument is an expression, or a list of them (MongoDB, «Aggregation operators»). */
export const SIMPLE: ReadonlySet<string> = new Set(
  [
    "abs add ceil divide exp floor ln log log10 mod multiply pow round sqrt subtract trunc",
    "and or not cmp eq ne gt gte lt lte ifNull",
    "concat indexOfCP split strLenCP strcasecmp substrCP toLower toUpper",
    "year month week dayOfMonth dayOfWeek dayOfYear hour minute second millisecond isoWeek isoWeekYear isoDayOfWeek",
    "toBool toDate toDecimal toDouble toInt toLong toObjectId toString isNumber",
    "arrayElemAt concatArrays first last in reverseArray slice setDifference setIntersection setIsSubset setUnion",
    "max min sum avg stdDevPop stdDevSamp",
  ].flatMap((names) => names.split(" ").map((name) => `$${name}`)),
);

/** Operators that tell the type or the length of a value, and nothing inside of it. */
export const SHAPES: ReadonlySet<string> = new Set(["$size", "$type", "$isArray"]);

/** Operators whose argument has members of these names, each an expression. */
export const NAMED: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({
    $cond: "if then else",
    $switch: "branches default",
    $convert: "input to onError onNull",
    $trim: "input chars",
    $ltrim: "input chars",
    $rtrim: "input chars",
    $regexMatch: "input regex options",
    $replaceOne: "input find replacement",
    $replaceAll: "input find replacement",
    $dateToString: "date format timezone onNull",
    $dateFromString: "dateString format timezone onError onNull",
    $dateTrunc: "date unit binSize timezone startOfWeek",
    $dateDiff: "startDate endDate unit timezone startOfWeek",
    $dateAdd: "startDate unit amount timezone",
    $dateSubtract: "startDate unit amount timezone",
  }).map(([name, members]) => [name, members.split(" ")]),
);

/** Operators that name variables. */
export const ARRAYS: ReadonlySet<string> = new Set(["$filter", "$map", "$reduce", "$let"]);

/** Accumulators of `$group` whose argument is an expression. */
export const ACCUMULATORS: ReadonlySet<string> = new Set(
  "sum avg min max first last push addToSet stdDevPop stdDevSamp".split(" ").map((name) => `$${name}`),
);
