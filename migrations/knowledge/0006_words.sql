-- Which words there are, and which comes next: one step into the index each. passages_terms counts every passage of each
-- word that it passes, so that looking for the words of a beginning would grow with the knowledge base.
CREATE VIRTUAL TABLE passages_words USING fts5vocab ('passages_index', 'instance');
