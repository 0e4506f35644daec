import type { ObjectRegion } from "../connections/regions.ts";
import { isJurisdiction, isLocation, type Placement } from "./placement.ts";

/** Method names of a contract. */
type Method<Contract> = keyof Contract & string;

/**
 * The Durable Object with this name, typed as its contract: the stub's own types spread each result over a
 * union of promises.
 *
 * A method in `repeatable` is called once more on a new stub if the object was reset during the call (by a
 * new release or a moved machine); a stub that lost its object stays broken. List only methods that are safe
 * to repeat.
 *
 * @param near - region of a new object, in the place of that of the settings
 */
export function openObject<Contract extends object>(
  env: Placement,
  namespace: DurableObjectNamespace,
  name: string,
  repeatable: readonly Method<Contract>[] = [],
  near?: ObjectRegion,
): Contract {
  const call = (method: string, args: unknown[]) => {
    // Called as a method: on a stub, `apply` would be an RPC method too.
    const stub = stubOf(env, namespace, name, near) as unknown as { [method: string]: Call };
    return stub[method]?.(...args) ?? Promise.reject(new TypeError(`There is no method ${method}.`));
  };
  const callTwice = async (method: string, args: unknown[]) => {
    try {
      return await call(method, args);
    } catch (failure) {
      if (!wasReset(failure)) throw failure;
      return await call(method, args);
    }
  };
  return new Proxy({} as Contract, {
    get(_target, method) {
      // Not thenable, so that a promise can resolve to this proxy.
      if (typeof method !== "string" || method === "then") return undefined;
      const isRepeatable = (repeatable as readonly string[]).includes(method);
      return (...args: unknown[]) => (isRepeatable ? callTwice(method, args) : call(method, args));
    },
  });
}

/**
 * The stub of a named object in the jurisdiction and region of the settings. Every object is opened through it, because
 * the same name is another object in another jurisdiction. A region counts only for a new object. Throws if the
 * jurisdiction is unknown: data must not be written outside of the intended one.
 */
export function stubOf(
  env: Placement,
  namespace: DurableObjectNamespace,
  name: string,
  near?: ObjectRegion,
): DurableObjectStub {
  const { DATA_LOCATION: location = "" } = env;
  const placed = placeNamespace(env, namespace);
  const hint = near ?? (isLocation(location) ? location : undefined);
  const options = placed === namespace && hint !== undefined ? { locationHint: hint } : undefined;
  return placed.get(placed.idFromName(name), options);
}

/** The namespace in the jurisdiction of the settings, for a library that opens objects itself. */
export function placeNamespace(
  { DATA_JURISDICTION: jurisdiction = "" }: Placement,
  namespace: DurableObjectNamespace,
): DurableObjectNamespace {
  if (jurisdiction === "") return namespace;
  if (isJurisdiction(jurisdiction)) return namespace.jurisdiction(jurisdiction);
  throw new Error(`DATA_JURISDICTION is "${jurisdiction}", which is no jurisdiction.`);
}

type Call = (...args: unknown[]) => Promise<unknown>;

/** Whether the runtime reports that the object was reset and the call may be repeated. */
function wasReset(failure: unknown): boolean {
  if (!(failure instanceof Error)) return false;
  const { retryable, durableObjectReset } = failure as { retryable?: boolean; durableObjectReset?: boolean };
  return retryable === true || durableObjectReset === true;
}
