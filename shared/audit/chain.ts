import { canonicalize, digestText } from "../encoding/canonical-json.ts";
import { commitToText, createSalt } from "./commitment.ts";
import { type AuditEvent, type AuditRecord, NO_RECORD } from "./record.ts";

/** A stored record: the canonical text that was hashed, its hash, and the event that it commits to. */
export interface Link {
  chain: string;
  sequence: number;
  /** {@link AuditRecord} in canonical JSON (RFC 8785). The hash is over exactly these bytes, in UTF-8. */
  body: string;
  /** SHA-256 of `body`, 64 hex digits. */
  hash: string;
  /** `null` once the event was removed, and for a record of version 1. */
  salt: string | null;
  /** The event in canonical JSON; `null` as for `salt`. */
  event: string | null;
}

/** The end of a chain, on which the next record builds. */
export interface Head {
  sequence: number;
  hash: string;
  at: number;
}

/** The head of a chain without records. */
export const EMPTY_CHAIN: Head = { sequence: 0, hash: NO_RECORD, at: 0 };

/**
 * Builds the next link of a chain. Each record contains the hash of its predecessor, so its own hash covers
 * the whole history up to it (linked time-stamping: Haber and Stornetta, 1991). The hash is over a commitment
 * to the event instead of the event, so that an event can be removed and the history still verified (safe
 * deletion: Crosby and Wallach, Efficient Data Structures for Tamper-Evident Logging, 2009). If the clock
 * goes back, the previous time is used: time never decreases along a chain, so a span of time is one
 * contiguous range of records.
 */
export function appendLink(chain: string, head: Head, event: AuditEvent, now: number): Link {
  const sequence = head.sequence + 1;
  const at = Math.max(now, head.at);
  const salt = createSalt();
  const text = canonicalize(event);
  const commitment = commitToText(salt, text);
  const record: AuditRecord = {
    version: 2,
    chain,
    sequence,
    previous: head.hash,
    at,
    type: event.type,
    commitment,
  };
  const body = canonicalize(record);
  return { chain, sequence, body, hash: digestText(body), salt, event: text };
}
