import { describe, expect, it } from "vitest";
import { canonicalize, digestText } from "../../shared/encoding/canonical-json.ts";
import { compilePolicy } from "../../shared/policy/compile.ts";
import { UnusablePolicy } from "../../shared/policy/load-version.ts";
import { PolicyKeeper } from "../../shared/policy/policy-keeper.ts";
import type { PolicyReference } from "../../shared/policy/reference.ts";
import { changePolicy } from "../support/publish.ts";

const document = (limit: number) =>
  canonicalize(
    changePolicy((policy) => {
      policy.limits.calls_per_client = limit;
    }),
  );

/** A database with publications, a clock, and a counter of reads. */
function deployment() {
  const bundle = compilePolicy(changePolicy(() => {}));
  const history: PolicyReference[] = [];
  const documents = new Map<number, string>();
  const sets = new Map<string, string>();
  const state = {
    now: 1_000_000,
    references: 0,
    documents: 0,
    down: false,
    copy: null as PolicyReference | null,
  };
  const answer = async <T>(value: T): Promise<T> => {
    if (state.down) throw new Error("D1 is away");
    return value;
  };
  const sources = {
    bundled: () => bundle,
    readReference: () => {
      state.references += 1;
      return answer(history[0] ?? { publication: 0, version: 1, digest: null, catalogues: null });
    },
    readCopy: async () => state.copy,
    readHistory: () => answer(history),
    // Documents have copies outside of the database, as the reference has.
    readDocument: ({ version }: { version: number }) => {
      state.documents += 1;
      return state.copy
        ? Promise.resolve(documents.get(version) ?? "")
        : answer(documents.get(version) ?? "");
    },
    readCatalogues: ({ digest }: { digest: string }) => answer(sets.get(digest) ?? ""),
  };
  const storeSet = (text: string) => {
    sets.set(digestText(text), text);
    return digestText(text);
  };
  const publish = (
    text: string,
    digest = digestText(text),
    catalogues: string | null = null,
  ): PolicyReference => {
    const version = documents.size + 2;
    documents.set(version, text);
    const reference = { publication: history.length + 1, version, digest, catalogues };
    history.unshift(reference);
    return reference;
  };
  const open = () => {
    const keeper = new PolicyKeeper(() => state.now);
    return {
      inForce: () => keeper.inForce(sources),
      follow: (reference: PolicyReference) => keeper.follow(reference, sources),
      version: async () => (await keeper.inForce(sources)).version,
    };
  };
  return { state, history, publish, storeSet, ...open(), open };
}

describe("the policy in force, as cached by an isolate", () => {
  it("is the bundle before the first publication", async () => {
    const { version } = deployment();
    expect(await version()).toBe(1);
  });

  it("is read once in 10 seconds, by one of the requests that find it old", async () => {
    const { state, version, publish } = deployment();
    await version();
    publish(document(2));
    state.now += 9_999;
    expect(await version()).toBe(1);
    expect(state.references).toBe(1);
    state.now += 1;
    const versions = await Promise.all(Array.from({ length: 20 }, version));
    expect(state.references).toBe(2);
    expect(versions.filter((number) => number === 2)).toHaveLength(1);
    expect(await version()).toBe(2);
  });

  it("is awaited by every request once it is 30 seconds old, so that no request uses it", async () => {
    const { state, version, publish } = deployment();
    await version();
    publish(document(2));
    state.now += 30_000;
    expect(await Promise.all(Array.from({ length: 20 }, version))).toEqual(Array(20).fill(2));
  });

  it("is compiled once, for any number of requests to a new isolate", async () => {
    const { publish, open } = deployment();
    publish(document(2));
    const { inForce } = open();
    const policies = await Promise.all(Array.from({ length: 20 }, inForce));
    expect(new Set(policies.map(({ roles }) => roles)).size).toBe(1);
  });

  it("is read again when the clock jumps back", async () => {
    const { state, version, publish } = deployment();
    await version();
    publish(document(2));
    state.now -= 60 * 60_000;
    expect(await version()).toBe(2);
  });

  it("goes back to an older version without reading its document again", async () => {
    const { state, history, version, publish } = deployment();
    const second = publish(document(2));
    expect(await version()).toBe(2);
    publish(document(3));
    state.now += 10_000;
    expect(await version()).toBe(3);
    history.unshift({ ...second, publication: 3 });
    state.now += 10_000;
    expect(await version()).toBe(2);
    expect(state.documents).toBe(2);
  });

  it("stays when the database fails, and an isolate that never read it reports it", async () => {
    const { state, version, publish, open } = deployment();
    publish(document(2));
    await version();
    state.down = true;
    state.now += 60_000;
    expect(await version()).toBe(2);
    await expect(open().inForce()).rejects.toThrow("D1 is away");
  });

  it("comes from the copy in an isolate that starts during a failure, until the database answers", async () => {
    const { state, publish, open } = deployment();
    state.copy = publish(document(2));
    publish(document(3));
    state.down = true;
    const { version } = open();
    expect(await version()).toBe(2);
    state.down = false;
    state.now += 10_000;
    expect(await version()).toBe(3);
  });

  it("never goes back to the copy once the database was read", async () => {
    const { state, publish, version } = deployment();
    state.copy = publish(document(2));
    publish(document(3));
    await version();
    state.down = true;
    state.now += 60_000;
    expect(await version()).toBe(3);
  });

  it("reads a failing database once in 10 seconds", async () => {
    const { state, version } = deployment();
    await version();
    state.down = true;
    state.now += 60_000;
    for (let request = 0; request < 10; request += 1) await version();
    expect(state.references).toBe(2);
  });

  it.each([
    ["is not JSON", "{"],
    ["is no policy", '{"roles":{}}'],
    ["has an expression that does not compile", document(2).replace("args.stage ==", "args.stage =! ")],
  ])(
    "stays when the published one %s, also for a new isolate, and is replaced by the next one",
    async (_, text) => {
      const { state, version, publish, open } = deployment();
      publish(document(2));
      await version();
      publish(text);
      state.now += 10_000;
      expect(await version()).toBe(2);
      expect(await open().version()).toBe(2);
      publish(document(4));
      state.now += 10_000;
      expect(await version()).toBe(4);
    },
  );

  it("stays when a document differs from the published one", async () => {
    const { state, version, publish, open } = deployment();
    publish(document(2));
    await version();
    const tampered = publish(document(1_000_000), digestText(document(3)));
    state.now += 10_000;
    expect(await version()).toBe(2);
    expect(await open().version()).toBe(2);
    await expect(open().follow(tampered)).rejects.toThrow(UnusablePolicy);
  });

  it("reads an unusable document once a minute", async () => {
    const { state, version, publish } = deployment();
    publish("{");
    for (let second = 0; second < 60; second += 10) {
      await version();
      state.now += 10_000;
    }
    expect(state.documents).toBe(1);
    await version();
    expect(state.documents).toBe(2);
  });

  it("follows a newer publication that another isolate has read, and no older one", async () => {
    const { version, follow, publish } = deployment();
    const second = publish(document(2));
    await version();
    const third = publish(document(3));
    expect((await follow(third)).version).toBe(3);
    expect(await version()).toBe(3);
    await follow(second);
    expect(await version()).toBe(3);
  });

  it("includes the catalogue revisions of its publication, and restores them", async () => {
    const { publish, storeSet, follow, inForce } = deployment();
    const [one, two] = ["a".repeat(64), "b".repeat(64)];
    const text = document(2);
    const first = publish(text, undefined, storeSet(canonicalize({ shop: one })));
    const second = publish(text, undefined, storeSet(canonicalize({ shop: two, files: one })));
    expect(Object.fromEntries((await inForce()).revisions)).toEqual({ shop: two, files: one });
    expect(Object.fromEntries((await follow(first)).revisions)).toEqual({ shop: one });
    expect((await follow(second)).publication).toBe(2);
  });

  it("does not use a publication whose catalogue revisions differ from the published ones", async () => {
    const { publish, version, inForce, storeSet } = deployment();
    publish(document(2));
    publish(document(3), undefined, "c".repeat(64));
    publish(document(4), undefined, storeSet('{"Shop":"no digest"}'));
    expect(await version()).toBe(2);
    expect((await inForce()).revisions.size).toBe(0);
  });
});
