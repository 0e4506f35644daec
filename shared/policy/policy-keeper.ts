import { log } from "../observe/log.ts";
import type { Policy } from "./compile.ts";
import { compileVersion, type PublishedVersion, parseRevisions, UnusablePolicy } from "./load-version.ts";
import type { PolicyReference } from "./reference.ts";

/** Milliseconds after which one request reads the reference again. */
const ASK_AGAIN_MS = 10_000;

/** Milliseconds after which cached knowledge is not used: every request reads until one succeeds. */
const MAX_AGE_MS = 30_000;

/** Milliseconds that other requests leave the reading to one, which may have been cancelled. */
const TURN_MS = 5_000;

/** Milliseconds after which an unusable version is tried again. */
const RETRY_UNUSABLE_MS = 60_000;

/** Cached compiled versions: the current, the previous, and a roll-back or two. */
const KEPT = 4;

/** Sources of a keeper. Each may fail. */
export interface PolicySources {
  bundled(): Policy;
  /** The newest publication. */
  readReference(): Promise<PolicyReference>;
  /** A copy of it outside of the database, at most minutes late; `null` without one. */
  readCopy(): Promise<PolicyReference | null>;
  /** The newest publications, newest first. */
  readHistory(): Promise<PolicyReference[]>;
  readDocument(version: PublishedVersion): Promise<string>;
  /** The set of catalogue revisions of a publication, as JSON text, by the set's version and digest. */
  readCatalogues(set: PublishedVersion): Promise<string>;
}

/**
 * The policy in force, cached per isolate. A request that finds the cache old reads by itself: promises are
 * never shared between requests, because the runtime may cancel the request that created them.
 *
 * A version that cannot be read or compiled never replaces the policy in force. An isolate with an empty
 * cache uses the newest usable publication, so that all isolates agree; the last resort is the bundle.
 */
export class PolicyKeeper {
  readonly #clock: () => number;
  readonly #compiled = new Map<string, Policy>();
  readonly #revisions = new Map<string, Policy["revisions"]>();
  readonly #unusable = new Map<string, { at: number; failure: UnusablePolicy }>();
  #current: Policy | undefined;
  #asOf = 0;
  /** Number of reads begun, and the newest of them that completed. */
  #asked = 0;
  #told = 0;
  /** Start of the current read, or `null` without one. */
  #askedAt: number | null = null;

  constructor(clock: () => number = () => Date.now()) {
    this.#clock = clock;
  }

  /**
   * The policy in force. An isolate that starts while the database is away uses the copy of the reference, and asks the
   * database again; it rejects without a copy: it must not guess.
   *
   * @param publication - a cached policy of an earlier publication counts as old
   */
  async inForce(sources: PolicySources, publication = 0): Promise<Policy> {
    const known = this.#current;
    const startedAt = this.#clock();
    const isEarlier = known !== undefined && known.publication < publication;
    const age = isEarlier ? MAX_AGE_MS : startedAt - this.#asOf;
    // A negative age means that the clock jumped back, so the real age is unknown.
    if (known && age >= 0 && age < ASK_AGAIN_MS) return known;
    if (known && age >= 0 && age < MAX_AGE_MS && isRecent(this.#askedAt, startedAt, TURN_MS)) return known;
    this.#askedAt = startedAt;
    this.#asked += 1;
    const turn = this.#asked;
    try {
      const policy = await this.#findNewest(await sources.readReference(), sources);
      // A later read may have completed first: its newer result stays.
      if (turn < this.#told && this.#current) return this.#current;
      this.#told = turn;
      this.#current = policy;
    } catch (failure) {
      this.#current ??= await this.#fromCopy(sources);
      if (this.#current === undefined) throw failure;
      // The cached policy stays in force. The next read waits the usual time; otherwise every request would
      // hit a failing database.
      log("error", "policy_not_read", { version: this.#current.version, error: String(failure) });
    } finally {
      this.#askedAt = null;
    }
    this.#asOf = startedAt;
    return this.#current;
  }

  /**
   * The policy of a publication that another component has read; {@link inForce} returns it from then on if
   * it is newer. Rejects with {@link UnusablePolicy} if it can never be used, and with the source's error if
   * it cannot be loaded.
   */
  async follow(reference: PolicyReference, sources: PolicySources): Promise<Policy> {
    const policy = await this.#require(reference, sources);
    if (this.#current && this.#current.publication < policy.publication) this.#current = policy;
    return policy;
  }

  async #fromCopy(sources: PolicySources): Promise<Policy | undefined> {
    const copy = await sources.readCopy().catch(() => null);
    return copy === null ? undefined : await this.#findNewest(copy, sources).catch(() => undefined);
  }

  /** The newest usable publication. */
  async #findNewest(newest: PolicyReference, sources: PolicySources): Promise<Policy> {
    const known = this.#current;
    if (known && known.publication === newest.publication && isOf(known, newest)) return known;
    const first = await this.#orUnusable(newest, sources);
    if (first) return first;
    for (const earlier of await sources.readHistory()) {
      const policy = await this.#orUnusable(earlier, sources);
      if (policy) return policy;
    }
    return this.#current ?? sources.bundled();
  }

  async #orUnusable(reference: PolicyReference, sources: PolicySources): Promise<Policy | null> {
    try {
      return await this.#require(reference, sources);
    } catch (failure) {
      if (failure instanceof UnusablePolicy) return null;
      throw failure;
    }
  }

  async #require(reference: PolicyReference, sources: PolicySources): Promise<Policy> {
    const { publication, version, digest, catalogues } = reference;
    const bundled = sources.bundled();
    if (digest === null && !catalogues && publication === bundled.publication) return bundled;
    const policy = digest === null ? bundled : await this.#compile({ version, digest }, sources);
    return { ...policy, publication, revisions: await this.#readRevisions(reference, sources) };
  }

  async #readRevisions(
    { version, catalogues }: PolicyReference,
    sources: PolicySources,
  ): Promise<Policy["revisions"]> {
    // An object of the previous release sends no catalogues.
    if (!catalogues) return NO_REVISIONS;
    const known = this.#revisions.get(catalogues);
    if (known) return known;
    const revisions = parseRevisions(
      version,
      catalogues,
      await sources.readCatalogues({ version, digest: catalogues }),
    );
    keepNewest(this.#revisions, catalogues, revisions);
    return revisions;
  }

  async #compile(version: PublishedVersion, sources: PolicySources): Promise<Policy> {
    const key = `${version.version}:${version.digest}`;
    const known = this.#compiled.get(key);
    if (known) return known;
    const unusable = this.#unusable.get(key);
    if (unusable && isRecent(unusable.at, this.#clock(), RETRY_UNUSABLE_MS)) throw unusable.failure;
    try {
      const document = await sources.readDocument(version);
      // Reading awaits, compiling does not: use the result that another request compiled meanwhile.
      const policy = this.#compiled.get(key) ?? compileVersion(version, document);
      this.#keep(key, policy);
      return policy;
    } catch (failure) {
      if (failure instanceof UnusablePolicy) this.#remember(key, failure);
      throw failure;
    }
  }

  #keep(key: string, policy: Policy): void {
    keepNewest(this.#compiled, key, policy);
  }

  /** Logs an unusable version once. */
  #remember(key: string, failure: UnusablePolicy): void {
    if (!this.#unusable.has(key)) log("error", "policy_unusable", { error: failure.message });
    this.#unusable.set(key, { at: this.#clock(), failure });
  }
}

const NO_REVISIONS: Policy["revisions"] = new Map();

function keepNewest<Value>(kept: Map<string, Value>, key: string, value: Value): void {
  kept.set(key, value);
  const [oldest] = kept.keys();
  if (kept.size > KEPT && oldest !== undefined) kept.delete(oldest);
}

function isOf({ version, digest }: Policy, reference: PolicyReference): boolean {
  return version === reference.version && (reference.digest === null || digest === reference.digest);
}

/** Whether `at` is less than `span` milliseconds ago. */
function isRecent(at: number | null, now: number, span: number): boolean {
  return at !== null && now >= at && now - at < span;
}
