import type { JsonValue } from "../../../shared/encoding/json.ts";
import type {
  CacheRequest,
  ConnectionAnswer,
  ConnectionFailure,
} from "../../../shared/objects/connection-gate.ts";

/** Answers of one object, and the bytes of their JSON in memory. */
const MOST_ANSWERS = 500;
const MOST_BYTES = 8_000_000;

/** Failures that say nothing of the answer: the other system is away, slow or busy. */
const AWAY: readonly ConnectionFailure["code"][] = ["unavailable", "timeout"];

interface Kept {
  /** The answer as JSON: parsed, the same bytes of JSON may take many times as much memory. */
  json: string;
  /** When its read began, in milliseconds since the epoch. */
  readAt: number;
  /** When it is thrown away. */
  endsAt: number;
  /** Whether it is being read again. */
  isRead: boolean;
}

/** Bounds of an {@link AnswerCache}. */
interface Bounds {
  answers: number;
  bytes: number;
}

/** Bytes that a text takes in memory at most. */
const BYTES_OF_UNIT = 2;

/**
 * Answers of reads, in memory, for as long as the connection's entry allows. What is older than fresh is given as stale,
 * and read again meanwhile. A failure is not kept. While the other system is away a stale answer lasts to its end; one
 * that is refused now is dropped. A part of an answer is neither kept, nor does it take the place of a whole one.
 */
export class AnswerCache {
  /** The answer that was used last is the last one. */
  readonly #kept = new Map<string, Kept>();
  readonly #bounds: Bounds;
  readonly #now: () => number;
  #bytes = 0;
  #generation = 0;

  constructor(bounds: Bounds = { answers: MOST_ANSWERS, bytes: MOST_BYTES }, now = Date.now) {
    this.#bounds = bounds;
    this.#now = now;
  }

  get size(): number {
    return this.#kept.size;
  }

  /**
   * The kept answer, or that of `read`, which is then kept.
   *
   * @param inBackground - awaits a read whose answer this call does not need
   */
  async answer(
    request: CacheRequest,
    read: (isRefresh: boolean) => Promise<ConnectionAnswer>,
    inBackground: (work: Promise<unknown>) => void,
  ): Promise<ConnectionAnswer> {
    const kept = this.#find(request.key);
    if (kept === undefined) return await this.#read(request, () => read(false));
    const { json, readAt } = kept;
    const stale = this.#now() - readAt >= request.freshMs;
    if (stale && !kept.isRead) {
      kept.isRead = true;
      const refresh = this.#read(request, () => read(true)).catch(() => {});
      inBackground(
        refresh.finally(() => {
          kept.isRead = false;
        }),
      );
    }
    return { ok: true, value: JSON.parse(json) as JsonValue, cached: { readAt, stale } };
  }

  /** Forgets every answer, and those of reads that are under way. */
  clear(): void {
    this.#generation += 1;
    this.#kept.clear();
    this.#bytes = 0;
  }

  async #read(
    { key, freshMs, staleMs }: CacheRequest,
    read: () => Promise<ConnectionAnswer>,
  ): Promise<ConnectionAnswer> {
    const generation = this.#generation;
    const readAt = this.#now();
    const answer = await read();
    if (generation !== this.#generation) return answer;
    if (!answer.ok) this.#refuse(key, answer.failure, readAt);
    else if (answer.keep !== false) {
      const json = JSON.stringify(answer.value);
      this.#keep(key, { json, readAt, endsAt: readAt + freshMs + staleMs, isRead: false });
    }
    return answer;
  }

  #find(key: string): Kept | undefined {
    this.#dropEnded();
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    return kept;
  }

  /** What the other system refuses to give now is not given from here either. */
  #refuse(key: string, { code }: ConnectionFailure, readAt: number): void {
    const kept = this.#kept.get(key);
    if (kept !== undefined && kept.readAt <= readAt && !AWAY.includes(code)) this.#drop(key, kept);
  }

  #keep(key: string, answer: Kept): void {
    const former = this.#kept.get(key);
    // Of two reads that overlap, the later one counts.
    if (former !== undefined && former.readAt > answer.readAt) return;
    if (former !== undefined) this.#drop(key, former);
    this.#dropEnded();
    this.#kept.set(key, answer);
    this.#bytes += answer.json.length * BYTES_OF_UNIT;
    for (const [oldest, kept] of this.#kept) {
      if (this.#kept.size <= this.#bounds.answers && this.#bytes <= this.#bounds.bytes) break;
      this.#drop(oldest, kept);
    }
  }

  #dropEnded(): void {
    const now = this.#now();
    for (const [key, kept] of this.#kept) if (kept.endsAt <= now) this.#drop(key, kept);
  }

  #drop(key: string, kept: Kept): void {
    this.#kept.delete(key);
    this.#bytes -= kept.json.length * BYTES_OF_UNIT;
  }
}
