import { z } from "zod";
import { dataClass } from "./common.ts";

/** `field`, or `source/field` for the field of one index or collection; `*` stands for any characters. */
const fieldGlob = z
  .string()
  .regex(
    /^[^\s"'`;]{1,300}$/,
    "must be the path of a field, such as customer.email or orders/customer.email",
  );

/** Classes of the fields of documents; see `FieldSight`. */
export const fieldClasses = z
  .record(fieldGlob, dataClass)
  .default({})
  .describe(
    "Classes of fields by globs on their paths: `*email*: pii`, or `orders/customer.email: pii` for one source. Of several the strictest counts. A role that may not see a class cannot use its fields.",
  );
