import { describe, expect, it } from "vitest";
import { openObject } from "../../shared/objects/open-object.ts";

interface Counter {
  read(by: number): Promise<number>;
  add(by: number): Promise<number>;
}

/** A namespace whose stubs fail in the given sequence, and record their calls. */
function namespaceThatFails(failures: readonly (Error | null)[]) {
  const left = [...failures];
  const calls: string[] = [];
  const namespace = {
    idFromName: (name: string) => name,
    get(name: string) {
      const failure = left.shift() ?? null;
      const answer = (method: string) => async (by: number) => {
        calls.push(`${name}.${method}(${by})`);
        if (failure) throw failure;
        return by;
      };
      return { read: answer("read"), add: answer("add") };
    },
  };
  return { namespace: namespace as unknown as DurableObjectNamespace, calls };
}

const reset = () => Object.assign(new Error("reset"), { durableObjectReset: true });

describe("a Durable Object opened by its contract", () => {
  it("is called on the object of that name", async () => {
    const { namespace, calls } = namespaceThatFails([]);
    expect(await openObject<Counter>({}, namespace, "anna").read(2)).toBe(2);
    expect(calls).toEqual(["anna.read(2)"]);
  });

  it("repeats a repeatable call once, on a new stub, after the object was reset", async () => {
    const once = namespaceThatFails([reset()]);
    expect(await openObject<Counter>({}, once.namespace, "anna", ["read"]).read(2)).toBe(2);
    expect(once.calls).toHaveLength(2);
    const twice = namespaceThatFails([reset(), reset()]);
    await expect(openObject<Counter>({}, twice.namespace, "anna", ["read"]).read(2)).rejects.toThrow("reset");
    expect(twice.calls).toHaveLength(2);
  });

  it("repeats no other call, and no call that failed for another reason", async () => {
    const other = namespaceThatFails([reset()]);
    await expect(openObject<Counter>({}, other.namespace, "anna", ["read"]).add(1)).rejects.toThrow("reset");
    expect(other.calls).toHaveLength(1);
    const broken = namespaceThatFails([new Error("disk full")]);
    await expect(openObject<Counter>({}, broken.namespace, "anna", ["read"]).read(1)).rejects.toThrow(
      "disk full",
    );
    expect(broken.calls).toHaveLength(1);
  });

  it("is opened in the jurisdiction of the settings, or else with their region as a hint", async () => {
    const opened: unknown[] = [];
    const spaceIn = (place: string) => ({
      idFromName: (name: string) => `${place}${name}`,
      jurisdiction: (bound: string) => spaceIn(`${bound}:`),
      get: (id: string, options?: object) => {
        opened.push([id, options]);
        return { read: async () => 1 };
      },
    });
    const namespace = spaceIn("") as unknown as DurableObjectNamespace;
    for (const env of [
      {},
      { DATA_LOCATION: "weur", DATA_JURISDICTION: "" },
      { DATA_LOCATION: "weur", DATA_JURISDICTION: "eu" },
    ]) {
      await openObject<Counter>(env, namespace, "anna").read(1);
      await openObject<Counter>(env, namespace, "near", [], "sam").read(1);
    }
    const near = ["near", { locationHint: "sam" }];
    expect(opened).toEqual([
      ...[["anna", undefined], near],
      ...[["anna", { locationHint: "weur" }], near],
      ...[
        ["eu:anna", undefined],
        ["eu:near", undefined],
      ],
    ]);
    const unknown = openObject<Counter>({ DATA_JURISDICTION: "EU" }, namespace, "anna", ["read"]);
    await expect((async () => unknown.read(1))()).rejects.toThrow('"EU", which is no jurisdiction');
    expect(opened).toHaveLength(6);
  });

  it("can be returned from an async function without being treated as a promise", async () => {
    const { namespace } = namespaceThatFails([]);
    const opened = await (async () => openObject<Counter>({}, namespace, "anna"))();
    expect(await opened.add(3)).toBe(3);
  });
});
