-- Since when the receiver of a further sink calls every record of the window invalid, in milliseconds since the epoch; NULL
-- when it does not.
ALTER TABLE audit_sink ADD COLUMN refused_at INTEGER;

-- Chance text in the name of the window that is being written. A database that is restored to an earlier moment gives the
-- same numbers to other records: these must not replace what a copy has under that number.
ALTER TABLE audit_sink ADD COLUMN mark TEXT;

-- Records that the receiver of a further sink calls invalid: the sink goes on without them and tries them again. The record
-- itself is in the trail, under whose rules it may be removed.
CREATE TABLE audit_sink_letter (
  sink      TEXT NOT NULL,
  chain     TEXT NOT NULL,
  sequence  INTEGER NOT NULL,
  reason    TEXT NOT NULL,
  at        INTEGER NOT NULL,            -- milliseconds since the epoch
  tries     INTEGER NOT NULL DEFAULT 1,
  tried_at  INTEGER NOT NULL,            -- milliseconds since the epoch
  PRIMARY KEY (sink, chain, sequence)
) STRICT, WITHOUT ROWID;

CREATE INDEX audit_sink_letter_by_try ON audit_sink_letter (sink, tried_at);
