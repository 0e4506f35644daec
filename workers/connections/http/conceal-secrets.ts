/** Shorter ones stand in many texts without being the secret. */
const SHORTEST = 8;

const CONCEALED = "[secret]";

/** Members whose values may be names of the protocol. */
const NAMING = new Set(["type", "role"]);

/**
 * A value of JSON without the secrets that went to the other system, which may repeat them, as a service does that shows the
 * headers of a request. They are the connection's or the person's, and not for the model. Texts and names of members have
 * `[secret]` in their place, and so has a number that is a secret. The given value stays as it is.
 *
 * @param names - of the protocol, which are no data: such members keep their name, and such values of `type` and `role` stay
 */
export function concealSecrets<Value>(
  value: Value,
  secrets: readonly string[],
  names: ReadonlySet<string> = new Set(),
): Value {
  // The longest first: another one may be its beginning.
  const hidden = secrets.filter(({ length }) => length >= SHORTEST).sort((a, b) => b.length - a.length);
  // JSON shortens a number of many digits.
  const numbers = new Set(hidden.map((one) => (/^[1-9]\d*$/.test(one) ? String(Number(one)) : one)));
  const cleaned = (text: string) => hidden.reduce((left, one) => left.replaceAll(one, CONCEALED), text);
  const clean = (name: string, inner: unknown): unknown => {
    if (typeof inner === "number") return numbers.has(String(inner)) ? CONCEALED : inner;
    if (typeof inner !== "string" || (NAMING.has(name) && names.has(inner))) return inner;
    return cleaned(inner);
  };
  const cleanName = (name: string) => (names.has(name) ? name : cleaned(name));
  const isClean = (name: string, inner: unknown) => clean(name, inner) === inner && cleanName(name) === name;
  if (hidden.length === 0 || areAll(isClean, [value])) return value;
  return copyOf([value], clean, cleanName)[0] as Value;
}

/** Whether this holds for every member within a value. No recursion: the other system decides how deep its values are. */
function areAll(holds: (name: string, inner: unknown) => boolean, root: object): boolean {
  const waiting = [root];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (const [name, inner] of membersOf(next)) {
      if (!holds(name, inner)) return false;
      if (isFilled(inner)) waiting.push(inner);
    }
  }
  return true;
}

function copyOf(
  root: unknown[],
  clean: (name: string, inner: unknown) => unknown,
  cleanName: (name: string) => string,
): unknown[] {
  const whole: unknown[] = [];
  const waiting: [object, object][] = [[root, whole]];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [source, copy] = next;
    for (const [name, inner] of membersOf(source)) {
      const kept = isFilled(inner) ? (Array.isArray(inner) ? [] : {}) : clean(name, inner);
      if (isFilled(inner)) waiting.push([inner, kept as object]);
      if (Array.isArray(copy)) copy.push(kept);
      else setMember(copy, cleanName(name), kept);
    }
  }
  return whole;
}

/** The name of an element of an array is empty. */
function* membersOf(one: object): Generator<[string, unknown]> {
  if (Array.isArray(one)) for (const inner of one) yield ["", inner];
  else for (const name of Object.keys(one)) yield [name, one[name as never]];
}

/** Whether a value has members. An empty one has nothing to conceal. */
function isFilled(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  return Array.isArray(value) ? value.length > 0 : Object.keys(value).length > 0;
}

function setMember(copy: object, name: string, value: unknown): void {
  if (name !== "__proto__") (copy as Record<string, unknown>)[name] = value;
  // An assignment would change the prototype.
  else Object.defineProperty(copy, name, { value, writable: true, enumerable: true, configurable: true });
}
