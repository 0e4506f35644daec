import type { JsonValue } from "../../../../shared/encoding/json.ts";
import { type JsonObject, list, readObject, readText } from "../json/read.ts";
import { forbid, quote, reject, suggestNames } from "../refuse.ts";
import { ARRAYS, NAMED, SHAPES, SIMPLE } from "./operators.ts";
import { isWrapped, readValue } from "./read-values.ts";
import type { DocumentScope } from "./scope.ts";

/** Variables that an expression may name, without `$$`. */
type Variables = ReadonlySet<string>;

const NONE: Variables = new Set();

/** Most levels of an expression; deeper ones are refused before. */
const NAME = /^[A-Za-z][A-Za-z0-9_]{0,50}$/;

/**
 * An expression of an aggregation, built again from what is allowed. What a role may use of a field that may hold
 * something hidden inside of it is its single value alone: objects and lists become null at the server.
 */
export function readExpression(
  value: JsonValue,
  at: string,
  scope: DocumentScope,
  variables: Variables = NONE,
): JsonValue {
  scope.count();
  if (typeof value === "string") {
    const text = String(readText(value, at));
    if (!text.startsWith("$")) return text;
    return text.startsWith("$$") ? readVariable(text, at, scope, variables) : readField(text, at, scope);
  }
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value))
    return list(200, (item, place) => readExpression(item, place, scope, variables))(value, at);
  if (isWrapped(value)) return readValue(value, at);
  const keys = Object.keys(value);
  const [operator] = keys;
  if (operator?.startsWith("$")) {
    if (keys.length > 1) throw reject(`${at} must have one operator alone.`);
    return {
      [operator]: readOperator(operator, value[operator] as JsonValue, `${at}.${operator}`, scope, variables),
    };
  }
  return readDocument(value, at, scope, variables);
}

/** An object whose members are expressions. */
function readDocument(
  value: JsonValue,
  at: string,
  scope: DocumentScope,
  variables: Variables = NONE,
): JsonObject {
  return Object.fromEntries(
    Object.entries(readObject(value, at)).map(([name, inner]) => [
      checkName(name, at),
      readExpression(inner, `${at}.${name}`, scope, variables),
    ]),
  );
}

/** The name of a field that a stage makes: no path, no operator. */
export function checkName(name: string, at: string): string {
  if (/^[^.$\0]{1,120}$/.test(name) && name !== "__proto__" && name.isWellFormed()) return name;
  throw reject(`${at}: ${quote(name)} cannot be the name of a field that is made.`);
}

function readField(text: string, at: string, scope: DocumentScope): JsonValue {
  const path = scope.path(text.slice(1), at);
  if (!scope.mayHideBelow(path)) return `$${path}`;
  return { $cond: [{ $in: [{ $type: `$${path}` }, ["object", "array"]] }, null, `$${path}`] };
}

function readVariable(text: string, at: string, scope: DocumentScope, variables: Variables): JsonValue {
  const [name = "", ...rest] = text.slice(2).split(".");
  if (rest.some((part) => part === "" || part.startsWith("$")))
    throw reject(`${at}: ${quote(text)} is no path.`);
  // Whatever a variable holds went through an expression, or is the time.
  if (variables.has(name) || (name === "NOW" && rest.length === 0)) return text;
  if ((name === "ROOT" || name === "CURRENT") && !scope.hidesAny) return text;
  if (name === "ROOT" || name === "CURRENT")
    throw forbid(`${quote(text)} is a whole document, of which your role may not see everything.`);
  throw forbid(
    `The variable ${quote(text)} is not allowed here.${suggestNames(`$$${name}`, ["$$NOW", "$$ROOT"])}`,
  );
}

function readOperator(
  name: string,
  given: JsonValue,
  at: string,
  scope: DocumentScope,
  variables: Variables,
): JsonValue {
  const read = (value: JsonValue, place: string, more: readonly string[] = []) =>
    readExpression(value, place, scope, more.length === 0 ? variables : new Set([...variables, ...more]));
  if (name === "$literal") return readValue(given, at);
  if (SHAPES.has(name) && typeof given === "string" && /^\$[^$]/.test(given)) {
    // Its type or length says nothing of what is inside.
    return `$${scope.path(given.slice(1), at)}`;
  }
  if (SIMPLE.has(name) || SHAPES.has(name)) return read(given, at);
  const members = NAMED.get(name);
  if (members !== undefined) {
    if (Array.isArray(given) && name === "$cond") return read(given, at);
    return Object.fromEntries(
      Object.entries(readObject(given, at)).map(([key, inner]) => {
        if (!members.includes(key))
          throw forbid(`${quote(key)} is not allowed in ${name}.${suggestNames(key, members)}`);
        if (name === "$switch" && key === "branches")
          return [key, readBranches(inner, `${at}.branches`, read)];
        return [key, read(inner, `${at}.${key}`)];
      }),
    );
  }
  if (ARRAYS.has(name)) return readOverArray(name, readObject(given, at), at, read);
  const known = [...SIMPLE, ...SHAPES, ...NAMED.keys(), ...ARRAYS, "$literal"];
  throw forbid(`The operator ${quote(name)} is not allowed here.${suggestNames(name, known)}`);
}

type ReadInner = (value: JsonValue, at: string, more?: readonly string[]) => JsonValue;

/** What a branch of `$switch` has. */
const BRANCH = ["case", "then"];

function readBranches(value: JsonValue, at: string, read: ReadInner): JsonValue {
  return list(50, (branch, place) => {
    const given = readObject(branch, place);
    if (Object.keys(given).sort().join() !== BRANCH.join()) throw reject(`${place} must have case and then.`);
    return Object.fromEntries(BRANCH.map((key) => [key, read(given[key] ?? null, `${place}.${key}`)]));
  })(value, at);
}

/** `$filter`, `$map`, `$reduce` and `$let`, which name variables. */
function readOverArray(name: string, given: JsonObject, at: string, read: ReadInner): JsonValue {
  const only = (...keys: string[]) => {
    const other = Object.keys(given).find((key) => !keys.includes(key));
    if (other !== undefined)
      throw forbid(`${quote(other)} is not allowed in ${name}.${suggestNames(other, keys)}`);
  };
  const inner = (key: string, more: readonly string[] = []) => read(given[key] ?? null, `${at}.${key}`, more);
  if (name === "$let") {
    only("vars", "in");
    const vars = Object.entries(readObject(given.vars ?? null, `${at}.vars`));
    const names = vars.map(([key]) => checkVariable(key, at));
    const values = vars.map(([key, value]) => [key, read(value, `${at}.vars.${key}`)] as const);
    return { vars: Object.fromEntries(values), in: inner("in", names) };
  }
  if (name === "$reduce") {
    only("input", "initialValue", "in");
    return { input: inner("input"), initialValue: inner("initialValue"), in: inner("in", ["this", "value"]) };
  }
  const as = given.as === undefined ? "this" : checkVariable(given.as, at);
  const body = name === "$map" ? "in" : "cond";
  only("input", "as", body);
  return { input: inner("input"), as, [body]: inner(body, [as]) };
}

/** The name of a variable of one's own; those of the server are in capitals. */
function checkVariable(name: JsonValue, at: string): string {
  if (typeof name === "string" && NAME.test(name) && /^[a-z]/.test(name)) return name;
  throw reject(`${at}: a variable's name begins with a small letter and has letters, digits and _.`);
}
