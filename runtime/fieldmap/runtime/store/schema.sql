-- What the runtime keeps beside the author's entities. Every statement may be run again.
CREATE SCHEMA IF NOT EXISTS fieldmap;
CREATE SCHEMA IF NOT EXISTS claims;
CREATE SCHEMA IF NOT EXISTS canonical;
CREATE SCHEMA IF NOT EXISTS waiting;
CREATE SCHEMA IF NOT EXISTS versions;
CREATE SCHEMA IF NOT EXISTS history;
CREATE SCHEMA IF NOT EXISTS provenance;

CREATE SEQUENCE IF NOT EXISTS fieldmap.claim_ids;

CREATE TABLE IF NOT EXISTS fieldmap.store (format integer NOT NULL, instance uuid NOT NULL DEFAULT gen_random_uuid());

CREATE TABLE IF NOT EXISTS fieldmap.map_versions (
  id integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  map text NOT NULL,
  version text NOT NULL,
  first_used timestamptz NOT NULL DEFAULT now(),
  UNIQUE (map, version)
);
COMMENT ON TABLE fieldmap.map_versions IS 'Every version of a map that was ever loaded; claims refer to it by its number';

CREATE TABLE IF NOT EXISTS fieldmap.positions (
  map text PRIMARY KEY,
  title text NOT NULL,
  resource text NOT NULL,
  map_version integer NOT NULL REFERENCES fieldmap.map_versions,
  applied_through bigint NOT NULL DEFAULT -1,
  epoch bigint NOT NULL DEFAULT 0,
  replaying boolean NOT NULL DEFAULT true
);
COMMENT ON TABLE fieldmap.positions IS 'How far each map has been applied: the archive position of the last record whose rows are in this database';
COMMENT ON COLUMN fieldmap.positions.epoch IS 'Raised by each run that takes the map; a run of an older epoch can commit nothing';
ALTER TABLE fieldmap.positions ADD COLUMN IF NOT EXISTS retried boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN fieldmap.positions.retried IS 'Whether dead letters were retried with another version of the map: until a replay its rows are of both';
COMMENT ON COLUMN fieldmap.positions.replaying IS 'Whether claims of an earlier version of the map may still be among its rows';

CREATE TABLE IF NOT EXISTS fieldmap.ledger (
  map text NOT NULL,
  map_version integer NOT NULL,
  first_position bigint NOT NULL,
  last_position bigint NOT NULL,
  content bytea NOT NULL,
  run bigint NOT NULL,
  epoch bigint NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (map, map_version, last_position)
);
COMMENT ON TABLE fieldmap.ledger IS 'Every batch applied; tells after a lost COMMIT answer which way it went';

CREATE TABLE IF NOT EXISTS fieldmap.runs (
  id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  command text NOT NULL,
  bundle text NOT NULL,
  started_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz,
  outcome text
);
ALTER TABLE fieldmap.runs ADD COLUMN IF NOT EXISTS failed jsonb NOT NULL DEFAULT '{}';
ALTER TABLE fieldmap.runs ADD COLUMN IF NOT EXISTS resources text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN fieldmap.runs.resources IS 'What the run was to read or load and no other run was at; each that is not in "failed" came to its end where the run did';
COMMENT ON COLUMN fieldmap.runs.failed IS 'Resources that could not be read or loaded, with the sentence that was said; "" where the run itself stopped';

CREATE TABLE IF NOT EXISTS fieldmap.changed_rows (
  run bigint NOT NULL,
  entity text NOT NULL,
  made bigint NOT NULL,
  changed bigint NOT NULL,
  gone bigint NOT NULL,
  PRIMARY KEY (run, entity)
);
COMMENT ON TABLE fieldmap.changed_rows IS 'What became of the canonical rows of each entity in a run, counted in the transactions that did it: a row counts once in each';

CREATE TABLE IF NOT EXISTS fieldmap.accounts (
  run bigint NOT NULL REFERENCES fieldmap.runs,
  map text NOT NULL,
  pages bigint NOT NULL,
  read bigint NOT NULL,
  claimed bigint NOT NULL,
  filtered bigint NOT NULL,
  deleted bigint NOT NULL,
  dead bigint NOT NULL,
  held bigint NOT NULL,
  PRIMARY KEY (run, map),
  CHECK (read = claimed + filtered + deleted + dead)
);
ALTER TABLE fieldmap.accounts ADD COLUMN IF NOT EXISTS absent bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN fieldmap.accounts.absent IS 'Records withdrawn because a full sweep of the source lacks them; they are not read, so they are in no sum';
ALTER TABLE fieldmap.accounts ADD COLUMN IF NOT EXISTS changed_rows bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN fieldmap.accounts.changed_rows IS 'Canonical rows, of all entities of the map, that a batch of it made, changed or removed; a row counts once for each such batch';
COMMENT ON TABLE fieldmap.accounts IS 'Of each run and map: every record read ended in exactly one place';

CREATE TABLE IF NOT EXISTS fieldmap.pages (
  map text NOT NULL,
  digest text NOT NULL,
  map_version integer NOT NULL,
  verified bigint NOT NULL,
  homes bigint[] NOT NULL,
  counts jsonb NOT NULL,
  PRIMARY KEY (map, digest)
);
COMMENT ON TABLE fieldmap.pages IS 'Pages whose every record is a claim: one that comes again need not be read, while its records stand as it shows them';
COMMENT ON COLUMN fieldmap.pages.verified IS 'The archive position where its records last stood so';
ALTER TABLE fieldmap.pages ADD COLUMN IF NOT EXISTS request text;
ALTER TABLE fieldmap.pages ADD COLUMN IF NOT EXISTS ids text COLLATE "C";
ALTER TABLE fieldmap.pages ADD COLUMN IF NOT EXISTS digests bytea;
-- What is made of hashes does not get smaller.
ALTER TABLE fieldmap.pages ALTER COLUMN digests SET STORAGE EXTERNAL;
CREATE INDEX IF NOT EXISTS pages_request_idx ON fieldmap.pages (map, request, verified) WHERE request IS NOT NULL;
COMMENT ON COLUMN fieldmap.pages.request IS 'What was asked: when it is asked again, records with the same bytes are known without being decoded';
COMMENT ON COLUMN fieldmap.pages.ids IS 'Its records, one a line';
COMMENT ON COLUMN fieldmap.pages.digests IS 'The hashes of their bytes in the same order, 16 bytes each';
COMMENT ON COLUMN fieldmap.pages.homes IS 'The archive positions of the pages that first showed its records as they are';

CREATE TABLE IF NOT EXISTS fieldmap.page_breaks (
  map text NOT NULL,
  position bigint NOT NULL,
  broken bigint NOT NULL,
  PRIMARY KEY (map, position)
);
COMMENT ON TABLE fieldmap.page_breaks IS 'Pages (by archive position) of which a record has had a newer version since, and where that stood (broken)';

CREATE TABLE IF NOT EXISTS fieldmap.read_bare (
  run bigint NOT NULL REFERENCES fieldmap.runs,
  map text NOT NULL,
  path text NOT NULL,
  count bigint NOT NULL,
  PRIMARY KEY (run, map, path)
);
COMMENT ON TABLE fieldmap.read_bare IS 'Of each run and map: how many numbers had no unit or currency and were read in the one that the map gives them';

CREATE TABLE IF NOT EXISTS fieldmap.dead_letters (
  id bigint PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY,
  map text NOT NULL,
  archive_position bigint NOT NULL,
  record_index integer NOT NULL,
  code text NOT NULL,
  field text NOT NULL,
  path text NOT NULL,
  reason text NOT NULL,
  record text COLLATE "C",
  changed timestamptz,
  map_version integer NOT NULL,
  run bigint NOT NULL,
  UNIQUE (map, archive_position, record_index)
);
ALTER TABLE fieldmap.dead_letters ADD COLUMN IF NOT EXISTS first_seen timestamptz NOT NULL DEFAULT now();
ALTER TABLE fieldmap.dead_letters ADD COLUMN IF NOT EXISTS last_seen timestamptz NOT NULL DEFAULT now();
ALTER TABLE fieldmap.dead_letters ADD COLUMN IF NOT EXISTS whole boolean NOT NULL DEFAULT false;
ALTER TABLE fieldmap.dead_letters DROP COLUMN IF EXISTS since;
ALTER TABLE fieldmap.dead_letters ALTER COLUMN id SET GENERATED BY DEFAULT;
CREATE INDEX IF NOT EXISTS dead_letters_record ON fieldmap.dead_letters (map, record);
COMMENT ON TABLE fieldmap.dead_letters IS 'Records that could not become claims, by reference to the archive; a retry or replay that succeeds removes them';
COMMENT ON COLUMN fieldmap.dead_letters.id IS 'Stays while the record is rejected, however often it is read again';
COMMENT ON COLUMN fieldmap.dead_letters.first_seen IS 'When the first response was fetched in which the record was rejected, last_seen the last one';
COMMENT ON COLUMN fieldmap.dead_letters.whole IS 'Whether a whole page, line or row could not be taken apart into records';

CREATE TABLE IF NOT EXISTS fieldmap.revealed (
  id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  at timestamptz NOT NULL DEFAULT now(),
  person text NOT NULL,
  role text NOT NULL DEFAULT current_user,
  what text NOT NULL
);
COMMENT ON TABLE fieldmap.revealed IS 'Who had personal or restricted values shown in full (--reveal): the user of the machine, the role of the database, and what was asked for';

CREATE TABLE IF NOT EXISTS fieldmap.held (
  map text NOT NULL,
  archive_position bigint NOT NULL,
  record_index integer NOT NULL,
  claim integer NOT NULL,
  element integer NOT NULL,
  field text NOT NULL,
  code text NOT NULL,
  path text NOT NULL,
  reason text NOT NULL,
  record text COLLATE "C" NOT NULL,
  invented boolean NOT NULL,
  PRIMARY KEY (map, archive_position, record_index, claim, element, field)
);
CREATE INDEX IF NOT EXISTS held_record ON fieldmap.held (map, record);
COMMENT ON TABLE fieldmap.held IS 'Fields that a claim lacks because their value could not be read (invented: it got the constant of "if invalid use")';

CREATE TABLE IF NOT EXISTS fieldmap.listed (
  map text NOT NULL,
  archive_position bigint NOT NULL,
  record_index integer NOT NULL,
  claim integer NOT NULL,
  element integer NOT NULL,
  field text NOT NULL,
  code text NOT NULL,
  path text NOT NULL,
  reason text NOT NULL,
  record text COLLATE "C" NOT NULL,
  lost boolean NOT NULL
);
CREATE INDEX IF NOT EXISTS listed_record ON fieldmap.listed (map, record);
CREATE INDEX IF NOT EXISTS listed_place ON fieldmap.listed (map, archive_position);
COMMENT ON TABLE fieldmap.listed IS 'What "warn" says of claimed records, and elements that failed alone (lost) and are left out; element counts from 1, 0 is the record';

CREATE TABLE IF NOT EXISTS fieldmap.held_shares (
  map text NOT NULL,
  claim integer NOT NULL,
  field text NOT NULL,
  present bigint NOT NULL,
  held bigint NOT NULL,
  PRIMARY KEY (map, claim, field)
);
COMMENT ON TABLE fieldmap.held_shares IS 'Values seen and held in the run under way, or in the one that was cut off and that the next run goes on with; claim -1 counts records and dead letters';

CREATE TABLE IF NOT EXISTS fieldmap.incomplete (
  entity text NOT NULL,
  key text COLLATE "C" NOT NULL,
  missing text[] NOT NULL,
  PRIMARY KEY (entity, key)
);
ALTER TABLE fieldmap.incomplete ADD COLUMN IF NOT EXISTS failed integer[] NOT NULL DEFAULT '{}';
ALTER TABLE fieldmap.incomplete ADD COLUMN IF NOT EXISTS twice boolean NOT NULL DEFAULT false;
COMMENT ON TABLE fieldmap.incomplete IS 'Rows held back from canonical: a required field stayed empty after the merge, a must was broken, or duplicates are rejected';
COMMENT ON COLUMN fieldmap.incomplete.failed IS 'The conditions that are broken, counted from 0 in the order of the entity';
COMMENT ON COLUMN fieldmap.incomplete.twice IS 'Whether two claims of one source have this key, where the merge rejects duplicates';

CREATE TABLE IF NOT EXISTS fieldmap.warned (
  entity text NOT NULL,
  key text COLLATE "C" NOT NULL,
  condition integer NOT NULL,
  PRIMARY KEY (entity, key, condition)
);
COMMENT ON TABLE fieldmap.warned IS 'Rows on which a warn of their entity does not hold; the conditions are counted from 0';

CREATE TABLE IF NOT EXISTS fieldmap.conflicts (
  entity text NOT NULL,
  key text COLLATE "C" NOT NULL,
  field text NOT NULL,
  code text NOT NULL,
  claims jsonb NOT NULL,
  PRIMARY KEY (entity, key, field)
);
COMMENT ON TABLE fieldmap.conflicts IS 'Fields on which live claims contradict each other (FM2180, FM2181), or whose value stands only because that of another source could not be read (FM2182)';
COMMENT ON COLUMN fieldmap.conflicts.claims IS 'A list of [claim, value as text], and the reason behind a value that is null because it is held';

CREATE TABLE IF NOT EXISTS fieldmap.withdrawals (
  entity text NOT NULL,
  key text COLLATE "C" NOT NULL,
  map text NOT NULL,
  claim integer NOT NULL,
  record text COLLATE "C" NOT NULL
);
ALTER TABLE fieldmap.withdrawals DROP CONSTRAINT IF EXISTS withdrawals_pkey;
-- A key and a record, each as long as it may be, are together more than an index takes.
CREATE UNIQUE INDEX IF NOT EXISTS withdrawals_once ON fieldmap.withdrawals (entity, key, map, claim, hashtextextended(record, 0));
COMMENT ON TABLE fieldmap.withdrawals IS 'Which keys records claimed that were deleted, filtered or absent then: leads from a key that is gone to what withdrew it, which the claim table of the record holds';

CREATE TABLE IF NOT EXISTS fieldmap.entities (entity text PRIMARY KEY, table_name text NOT NULL, version text NOT NULL);
ALTER TABLE fieldmap.entities ADD COLUMN IF NOT EXISTS deferred boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN fieldmap.entities.deferred IS 'Whether claims stand that are not merged into rows yet: a replay of all its sources merges once, at its end';

CREATE TABLE IF NOT EXISTS fieldmap.tables (
  schema_name text NOT NULL,
  table_name text NOT NULL,
  definition text NOT NULL,
  PRIMARY KEY (schema_name, table_name)
);
COMMENT ON TABLE fieldmap.tables IS 'The statements that made each claim and canonical table and each view, to tell when the bundle says something else';
-- Views were not noted once.
INSERT INTO fieldmap.tables
SELECT 'provenance', viewname::text, '' FROM pg_views WHERE schemaname = 'provenance' AND NOT EXISTS (SELECT FROM fieldmap.tables WHERE schema_name = 'provenance');

CREATE TABLE IF NOT EXISTS fieldmap.map_fields (
  map text NOT NULL,
  claim integer NOT NULL,
  field text NOT NULL,
  paths text[] NOT NULL,
  statement text NOT NULL,
  file text NOT NULL,
  line integer NOT NULL,
  outcome text NOT NULL,
  PRIMARY KEY (map, claim, field)
);
ALTER TABLE fieldmap.map_fields ADD COLUMN IF NOT EXISTS assumed text;
COMMENT ON COLUMN fieldmap.map_fields.assumed IS 'Why the currency that no source names is taken for granted; null where nothing is assumed';
COMMENT ON TABLE fieldmap.map_fields IS 'How each map makes each field, in its version of now';

CREATE TABLE IF NOT EXISTS fieldmap.rules (
  entity text NOT NULL,
  field text NOT NULL,
  rule text NOT NULL,
  file text NOT NULL,
  line integer NOT NULL,
  PRIMARY KEY (entity, field)
);
COMMENT ON TABLE fieldmap.rules IS 'The merge rule of each field';
