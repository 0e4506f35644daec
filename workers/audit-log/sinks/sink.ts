import type { Link } from "../../../shared/audit/chain.ts";

/** A place that gets every record of the audit trail. */
export interface AuditSink {
  /** Under this name its place in the trail is kept: it never changes. */
  name: string;
  /** Whether this deployment has what the sink needs. Left out: always. */
  isConfigured?(env: Env): boolean;
  /**
   * How many of these records, from the first on, one window may have; at least one. Left out: all. The same records
   * give the same number for ever, and a window that lacks some of them has no fewer of the others.
   */
  countFirst?(links: readonly Link[]): number;
  /**
   * Writes records, in the order given, and returns when they are durable. Throws when any of them is not. Records whose
   * event was removed come without it.
   *
   * @param window - names these records among all that the sink gets, for ever: the same window may come again after a
   *   failure, with the same records but for what was removed since, and must then replace what was written under its
   *   name or change nothing
   */
  write(env: Env, links: readonly Link[], window?: string): Promise<void>;
}
