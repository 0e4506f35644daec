-- What a change was called with, as JSON and without the rows of a file: who takes the change back needs the right to
-- make exactly it. NULL for changes of earlier releases. Goes with the change when a person in it is erased.
ALTER TABLE changes ADD COLUMN arguments TEXT CHECK (arguments IS NULL OR json_valid(arguments));
