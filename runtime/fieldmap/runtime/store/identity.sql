-- The crosswalk: which key of which source is which canonical key. Every statement may be run again.
CREATE SCHEMA IF NOT EXISTS identity;

CREATE TABLE IF NOT EXISTS identity.crosswalk (
  entity text COLLATE "C" NOT NULL,
  source text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  canonical text COLLATE "C" NOT NULL,
  rule text,
  line smallint,
  decision bigint,
  target text COLLATE "C",
  target_key text COLLATE "C",
  value text,
  digest bytea,
  since timestamptz NOT NULL DEFAULT now(),
  run bigint NOT NULL,
  PRIMARY KEY (entity, source, key)
);
CREATE INDEX IF NOT EXISTS crosswalk_canonical ON identity.crosswalk (entity, source, canonical);
CREATE INDEX IF NOT EXISTS crosswalk_target ON identity.crosswalk (entity, target, target_key);
COMMENT ON TABLE identity.crosswalk IS 'Every key of a source with numbers of its own, and the canonical key that it is: joined by a rule or a decision, or qualified by its source where nothing joins it';
COMMENT ON COLUMN identity.crosswalk.rule IS 'What joined it; null while nothing does';
COMMENT ON COLUMN identity.crosswalk.value IS 'The value that both sides share, as a JSON list of the fields matched';
COMMENT ON COLUMN identity.crosswalk.since IS 'When it was first this canonical key, without a break; run says which run';

CREATE TABLE IF NOT EXISTS identity.evidence (
  entity text COLLATE "C" NOT NULL,
  source text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  line smallint NOT NULL,
  digest bytea NOT NULL,
  value text NOT NULL,
  claims bigint[] NOT NULL,
  PRIMARY KEY (entity, source, key, line, digest)
);
CREATE INDEX IF NOT EXISTS evidence_value ON identity.evidence (entity, line, digest, source);
COMMENT ON TABLE identity.evidence IS 'What the live claims of each key say of the fields that are matched (line 1, 2 …, in the order of the match lines) or must agree (line -1, -2 …); line 0 tells that the key is claimed at all';
COMMENT ON COLUMN identity.evidence.claims IS 'The claims that say it';

CREATE TABLE IF NOT EXISTS identity.conflicts (
  entity text COLLATE "C" NOT NULL,
  source text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  rule text NOT NULL,
  target text COLLATE "C" NOT NULL,
  target_key text COLLATE "C" NOT NULL,
  canonical text COLLATE "C" NOT NULL,
  value text NOT NULL,
  why text NOT NULL CHECK (why IN ('apart', 'disagree', 'taken', 'several', 'contested')),
  field text NOT NULL
);
ALTER TABLE identity.conflicts DROP CONSTRAINT IF EXISTS conflicts_pkey;
-- Two keys, each as long as it may be, are together more than an index takes.
CREATE UNIQUE INDEX IF NOT EXISTS conflicts_once ON identity.conflicts (entity, source, key, rule, target, hashtextextended(target_key, 0));
COMMENT ON TABLE identity.conflicts IS 'Joins that a match would make and that were refused, with the reason';

CREATE TABLE IF NOT EXISTS identity.decisions (
  id bigint PRIMARY KEY,
  entity text COLLATE "C" NOT NULL,
  kind text NOT NULL CHECK (kind IN ('same', 'apart')),
  source text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  target text COLLATE "C" NOT NULL,
  target_key text COLLATE "C" NOT NULL,
  reason text NOT NULL,
  decided_at timestamptz NOT NULL,
  undone_at timestamptz,
  undone_reason text
);
CREATE INDEX IF NOT EXISTS decisions_source ON identity.decisions (entity, source, key) WHERE undone_at IS NULL;
CREATE INDEX IF NOT EXISTS decisions_target ON identity.decisions (entity, target, target_key) WHERE undone_at IS NULL;
COMMENT ON TABLE identity.decisions IS 'What operators decided about keys of different sources: that they are the same, or that they are not';

CREATE TABLE IF NOT EXISTS identity.history (
  id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  entity text NOT NULL,
  source text NOT NULL,
  key text NOT NULL,
  before text,
  after text,
  rule text,
  run bigint NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS history_key ON identity.history (entity, source, key);
COMMENT ON TABLE identity.history IS 'Every join of a key and every change of what it is, in the order in which runs saw them';

CREATE OR REPLACE VIEW identity.ambiguous AS
SELECT e.entity, e.line, min(e.value) AS value, e.source, array_agg(e.key ORDER BY e.key) AS keys
FROM identity.evidence e WHERE e.line > 0
  AND EXISTS (SELECT FROM identity.evidence o WHERE (o.entity, o.line, o.digest) = (e.entity, e.line, e.digest) AND o.source <> e.source)
GROUP BY e.entity, e.line, e.digest, e.source HAVING count(*) > 1;
COMMENT ON VIEW identity.ambiguous IS 'Values that several keys of one source share and that another source has too: they join nothing';
