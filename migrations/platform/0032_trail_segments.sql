-- Records of the trail are in R2, in segments: one object of up to 500 records, named by the digest of its text. Here is
-- what finds them. Events in a segment are encrypted; a part has the key, so an event is removed with the key of its part.

-- The last arrival number of audit_record when the first segment was stored: segments count on from there.
CREATE TABLE audit_origin (
  one  INTEGER PRIMARY KEY CHECK (one = 1),
  last INTEGER NOT NULL
) STRICT;

CREATE TABLE audit_segment (
  through INTEGER PRIMARY KEY,     -- arrival number of its last record
  records INTEGER NOT NULL,
  live    INTEGER NOT NULL,        -- records of it that a span still names; the object goes with the last one
  at      INTEGER NOT NULL,        -- of its oldest record, milliseconds since the epoch
  digest  TEXT NOT NULL UNIQUE,    -- SHA-256 of its text, hexadecimal
  heads   TEXT                     -- JSON [[chain, sequence, hash]], the ends of its chains; NULL once they are signed
) STRICT;
CREATE INDEX audit_segment_empty ON audit_segment (live) WHERE live <= 0;

-- The records of one chain, of one day (UTC) and one kind of retention: what is removed together.
CREATE TABLE audit_part (
  id       INTEGER PRIMARY KEY AUTOINCREMENT,
  chain    TEXT NOT NULL,
  day      INTEGER NOT NULL,            -- days since the epoch
  kind     TEXT NOT NULL,               -- calls, denials, sign_ins, changes; erasure for the event that states one
  secret   TEXT,                        -- AES-256 key, base64url; NULL: its events are removed
  retiring INTEGER NOT NULL DEFAULT 0   -- its own id once a removal has chosen it: nothing is added any more
) STRICT;
CREATE UNIQUE INDEX audit_part_full ON audit_part (chain, day, kind, retiring) WHERE secret IS NOT NULL;
CREATE INDEX audit_part_by_chain ON audit_part (chain, day);
CREATE INDEX audit_part_by_age ON audit_part (kind, day) WHERE secret IS NOT NULL;

-- Where records of a part are: `first` to `last` without a gap, in one segment.
CREATE TABLE audit_span (
  part    INTEGER NOT NULL,
  first   INTEGER NOT NULL,
  last    INTEGER NOT NULL,
  segment INTEGER NOT NULL, -- audit_segment.through
  PRIMARY KEY (part, first)
) STRICT, WITHOUT ROWID;

-- However often and in whatever company a record is delivered, it is stored once: the second time fails as a whole, and the
-- consumer looks again at what is new. So does a record whose part is being removed, or whose place was cut.
CREATE TRIGGER audit_span_once BEFORE INSERT ON audit_span BEGIN
  SELECT RAISE(ABORT, 'trail: look again') FROM audit_part AS own
   WHERE own.id = NEW.part
     AND (own.secret IS NULL OR own.retiring <> 0
          OR EXISTS (SELECT 1 FROM audit_cut WHERE chain = own.chain AND through >= NEW.first)
          OR EXISTS (SELECT 1 FROM audit_part AS part WHERE part.chain = own.chain AND part.day = own.day
                        AND (SELECT last FROM audit_span WHERE part = part.id AND first <= NEW.last
                              ORDER BY first DESC LIMIT 1) >= NEW.first));
END;

-- Rows to search by go with a removal itself, which knows the calls: records now also leave audit_record for a segment.
DROP TRIGGER trail_call_emptied;
DROP TRIGGER trail_call_cut;
