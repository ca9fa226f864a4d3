"""What protects against faults, how it is taken away, and the test that must notice."""

from __future__ import annotations

from dataclasses import dataclass

_APPLYING = "runtime/fieldmap/runtime/load/applying.py"
_LINK = "runtime/fieldmap/runtime/load/link.py"
_LOADER = "runtime/fieldmap/runtime/load/loader.py"
_POSITION = "runtime/fieldmap/runtime/load/position.py"
_MERGING = "runtime/fieldmap/runtime/load/merging.py"
_APPLY = "compiler/fieldmap/compiler/emit/templates/apply.sql.j2"
_WRITER = "runtime/fieldmap/runtime/archive/writer.py"
_WARC = "runtime/fieldmap/runtime/archive/warc.py"
_TRANSACTION = "runtime/fieldmap/runtime/store/transaction.py"
_STORE = "tests/store/test_faults.py::"
_CRASH = "tests/runtime/archive/test_crash.py::"
_DAMAGE = "tests/runtime/archive/test_damage.py::"


@dataclass(frozen=True)
class Protection:
    """changes: of a file the text that protects, and what stands in its place when it does not."""

    name: str
    test: str
    changes: tuple[tuple[str, str, str], ...]


def _one(name: str, test: str, file: str, old: str, new: str) -> Protection:
    return Protection(name, test, ((file, old, new),))


PROTECTIONS = (
    _one(
        "hosts: what one connector was told is heeded by the others",
        "tests/runtime/acquire/test_hosts.py::test_S28_what_one_connector_was_told_counts_for_all",
        "runtime/fieldmap/runtime/acquire/sending.py",
        "                host.put_off(pause, told)",
        "                pass",
    ),
    _one(
        "jobs: what is kept of a job is kept for its parent",
        "tests/runtime/acquire/test_jobs_of_parents.py::test_jobs_of_several_parents_that_could_not_be_asked_after_are_gone_on_with",
        "runtime/fieldmap/runtime/acquire/exports.py",
        "made._apart, made._known, made._kept = part.name, part.known, self._jobs.of(part.name)",
        'made._apart, made._known, made._kept = "", part.known, self._jobs.of("")',
    ),
    _one(
        "jobs: a key of idempotency is one parent's",
        "tests/runtime/acquire/test_jobs_of_parents.py::test_the_same_request_for_each_parent_has_a_key_for_each",
        "runtime/fieldmap/runtime/acquire/source.py",
        'f"{sweep} {self._apart}{asked.identity}"',
        'f"{sweep} {asked.identity}"',
    ),
    _one(
        "tokens: one renewal serves all who were refused with the old one",
        "tests/runtime/acquire/test_held.py::test_one_renewal_serves_all_whose_token_ended",
        "runtime/fieldmap/runtime/acquire/tokens.py",
        "        self._refused_one = self._sent",
        "        self._held.token = None",
    ),
    _one(
        "tokens: what failed is not asked for by each resource",
        "tests/runtime/acquire/test_held.py::test_S29_a_token_that_cannot_be_had_is_asked_for_once_and_told_to_each",
        "runtime/fieldmap/runtime/acquire/tokens.py",
        "                with held.asking(self._ports):",
        "                if True:",
    ),
    _one(
        "parents: what was kept of another archive is not gone on with",
        "tests/runtime/acquire/test_newest.py::test_another_archive_that_is_cut_at_the_same_place_is_read_from_its_beginning",
        "runtime/fieldmap/runtime/acquire/family.py",
        "return found if Through.of(item) == found.through else None",
        "return found",
    ),
    _one(
        "fence: the epoch is compared in every batch",
        _STORE + "test_I10_a_run_that_was_overtaken_commits_nothing",
        _POSITION,
        "if row is None or row[0] != self.epoch:",
        "if row is None:",
    ),
    _one(
        "fence: a map is taken in the version of the bundle only",
        "tests/faults/test_fencing.py::test_O1_a_run_loads_nothing_into_a_version_that_another_began",
        _POSITION,
        '" AND (v.id, v.version) = (p.map_version, %s) RETURNING',
        "\" AND v.id = p.map_version AND %s <> '' RETURNING",
    ),
    _one(
        "fence: counts of held values are ended by their own run only",
        "tests/faults/test_fencing.py::test_a_run_that_was_overtaken_leaves_the_shares_of_its_successor",
        "runtime/fieldmap/runtime/load/shares.py",
        "AND p.epoch = %s",
        "AND p.epoch >= %s",
    ),
    _one(
        "archive: a page that is written is made durable before the answer to the next request is waited for",
        "tests/runtime/acquire/test_paging.py::test_a_page_is_written_before_the_next_is_asked_for_and_durable_before_it_is_given",
        "runtime/fieldmap/runtime/acquire/paging.py",
        "                    meanwhile=writer.settle,\n",
        "",
    ),
    _one(
        "archive: a page is given also where the next does not come",
        "tests/runtime/acquire/test_paging.py::test_a_page_is_given_also_where_the_next_does_not_come",
        "runtime/fieldmap/runtime/acquire/paging.py",
        "            if held is not None:\n                yield held\n            raise\n",
        "            raise\n",
    ),
    _one(
        "archive: what is loaded is durable before, whoever wrote it",
        "tests/faults/test_durable.py::test_I7_what_is_written_and_not_durable_yet_is_made_so_before_it_is_loaded",
        "runtime/fieldmap/runtime/archive/archive.py",
        "segments.settle() if durable else None",
        "None",
    ),
    _one(
        "replay: rows of a map that is loaded anew change once, at its end",
        "tests/store/test_replay_at_once.py::test_a_reader_sees_a_row_as_it_was_or_as_it_is",
        _MERGING,
        " | _with(first, of_chosen)",
        "",
    ),
    _one(
        "archive: a record that was made ahead goes on from the one before it",
        "tests/runtime/archive/test_ahead.py::test_a_mark_before_it_is_part_of_its_chain",
        _WRITER,
        "ahead.received is received and ahead.before == chain",
        "ahead.received is received",
    ),
    _one(
        "http: what is behind a body is no answer to the next request",
        "tests/runtime/acquire/test_network.py::test_what_comes_behind_a_body_answers_nothing",
        "runtime/fieldmap/runtime/acquire/connections.py",
        "yield piece[:length]",
        "yield piece",
    ),
    _one(
        "fence: the archive's writer looks at its lock before it writes",
        "tests/faults/test_fencing.py::test_A15_a_writer_that_slept_writes_nothing_over_its_successor",
        _WRITER,
        "        if not alone:",
        "        if False:",
    ),
    _one(
        "fence: one writer of a resource at a time",
        "tests/runtime/archive/test_archive.py",
        "runtime/fieldmap/runtime/archive/storage.py",
        "            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)\n",
        "",
    ),
    _one(
        "version guard: an older version never overwrites",
        "tests/store/test_merge.py::test_an_older_version_never_overwrites",
        _APPLY,
        ' OR {{ version("w") }} > {{ version("t") }};\n{% if keeps %}',
        " OR true;\n{% if keeps %}",
    ),
    _one(
        "version guard: a stale delete deletes nothing",
        "tests/store/test_merge.py::test_S19_a_stale_delete_does_not_delete",
        _APPLY,
        ' OR {{ version("w") }} > {{ version("t") }};\n{% if keeps %}',
        ' OR w._state = \'withdrawn\' OR {{ version("w") }} > {{ version("t") }};\n{% if keeps %}',
    ),
    _one(
        "staging: of a record that comes twice the newest version",
        "tests/store/test_each.py::test_two_versions_in_one_batch",
        _APPLY,
        " ORDER BY _record, _changed DESC, _position DESC, _index DESC) w",
        " ORDER BY _record, _changed, _position, _index) w",
    ),
    _one(
        "staging: what comes again in a batch stands where it came first",
        "tests/store/test_batches.py::test_I2_batches_may_end_anywhere",
        _APPLY,
        " WHERE NOT _repeats OR _rejected",
        "",
    ),
    _one(
        "staging: but not behind a version that was rejected",
        "tests/store/test_batches.py::test_I2_batches_may_end_anywhere",
        _APPLY,
        " WHERE NOT _repeats OR _rejected",
        " WHERE NOT _repeats",
    ),
    _one(
        "known pages: one that shows an earlier time otherwise is read again",
        "tests/store/test_batches.py::test_I2_batches_may_end_anywhere",
        _APPLY,
        "UNION ALL SELECT s._position, v._position, (s._digest, s._state) = (v._digest, v._state)",
        "UNION ALL SELECT s._position, s._position, true",
    ),
    _one(
        "entity lock: merges into one entity come one after the other",
        "tests/faults/test_interleaving.py::test_I11_every_interleaving_comes_to_the_same_rows",
        _MERGING,
        '"SELECT entity, version FROM fieldmap.entities WHERE entity = ANY(%s) ORDER BY entity FOR UPDATE"',
        '"SELECT entity, version FROM fieldmap.entities WHERE entity = ANY(%s)"',
    ),
    _one(
        "entity lock: taken before the merge reads claims",
        "tests/faults/test_interleaving.py::test_I11_every_interleaving_comes_to_the_same_rows",
        _APPLYING,
        "        self._lock(connection)\n        if self._defers:\n            defer(connection, [merger.info.name for merger in self._claimed])\n"
        "            return {}\n        follow(connection, self._claimed, self.mergers, self._run, whole=False)\n"
        "        return merge_all(connection, self._bundle, self.mergers, self._run, detailed=self._detailed)",
        "        follow(connection, self._claimed, self.mergers, self._run, whole=False)\n"
        "        found = merge_all(connection, self._bundle, self.mergers, self._run, detailed=self._detailed)\n"
        "        self._lock(connection)\n        return found",
    ),
    _one(
        "lock order: making ready waits for loads before it locks tables",
        _STORE + "test_D4_making_ready_locks_no_table_while_rows_are_merged",
        "runtime/fieldmap/runtime/store/reconcile.py",
        "            _alone(connection)\n",
        "",
    ),
    _one(
        "ledger: a lost answer is looked up, not taken for a COMMIT",
        _STORE + "test_D1_a_lost_commit_answer_is_resolved",
        _LINK,
        "        found = done(connection)\n",
        "        found = True\n",
    ),
    Protection(
        "ledger and position: what was committed is not applied again",
        _STORE + "test_D1_a_lost_commit_answer_is_resolved",
        (
            (_LINK, "        found = done(connection)\n", "        found = False\n"),
            (_APPLYING, "        if through >= batch.last:\n", "        if through > batch.last:\n"),
        ),
    ),
    _one(
        "retry: a connection lost in the middle is met with a new one",
        _STORE + "test_D1_a_lost_commit_answer_is_resolved",
        _LINK,
        "_ATTEMPTS = 3",
        "_ATTEMPTS = 1",
    ),
    _one(
        "retry: a transaction that the server ended while the run slept",
        _STORE + "test_D18_a_run_that_slept_in_a_transaction_does_its_batch_again",
        _LINK,
        ' or error.sqlstate == "25P03"',
        "",
    ),
    _one(
        "deadline: a transaction that sleeps lets go of its locks",
        _STORE + "test_D22_a_transaction_that_sleeps_lets_go_of_its_locks",
        "runtime/fieldmap/runtime/store/database.py",
        '    "idle_in_transaction_session_timeout=5min",\n',
        "",
    ),
    Protection(
        "COMMIT: its answer, and the state before it, must say so",
        _STORE + "test_D2_a_swallowed_error_is_not_committed",
        (
            (
                _TRANSACTION,
                "    if connection.info.transaction_status is not TransactionStatus.INTRANS:\n",
                "    if False:\n",
            ),
            (_TRANSACTION, '    if tag != "COMMIT":\n', "    if False:\n"),
        ),
    ),
    _one(
        "one transaction: dead letters with their batch",
        _STORE + "test_O12_dead_letters_and_position_go_with_their_batch",
        _APPLYING,
        "        changes: dict[str, Changes] = {}\n        if batch.changes:\n",
        '        connection.execute("END")\n        connection.execute("BEGIN")\n'
        "        changes: dict[str, Changes] = {}\n        if batch.changes:\n",
    ),
    _one(
        "one transaction: the position with its rows",
        "tests/faults/test_death.py::test_I1_death_changes_nothing[first_load]",
        _POSITION,
        '"UPDATE fieldmap.positions SET applied_through = %s WHERE map = %s", [batch.last, self._info.id]',
        '"UPDATE fieldmap.positions SET applied_through = least(%s, applied_through) WHERE map = %s", [batch.last, self._info.id]',
    ),
    _one(
        "one transaction: a failure inside rolls everything back",
        _STORE + "test_a_failure_inside_rolls_back",
        _TRANSACTION,
        "    except BaseException:\n        _roll_back(connection)\n        raise\n",
        '    except BaseException:\n        connection.execute("COMMIT")\n        raise\n',
    ),
    _one(
        "accounts: a batch that was counted in part is refused",
        "tests/store/test_replay.py::test_accounts_and_ledger",
        _APPLYING,
        "        self._shares.write(connection, batch)\n        self._position.account(connection, batch)\n",
        "        batch.counts.filtered += 1\n        self._position.account(connection, batch)\n",
    ),
    _one(
        "replay: what no record claims any more is swept away",
        "tests/store/test_replay.py::test_what_only_an_earlier_map_could_read_is_gone",
        _APPLY,
        "DELETE FROM claims.{{ root.table|q }} WHERE _map_version <> %(map_version)s;",
        "",
    ),
    _one(
        "known pages: a newer version of a record breaks them",
        "tests/store/test_recall.py::test_a_page_is_read_again_where_one_of_its_records_went_and_came_back",
        "runtime/fieldmap/runtime/load/recall.py",
        "b.position = ANY(p.homes) AND b.broken > p.verified)",
        "b.position = ANY(p.homes) AND b.broken < 0)",
    ),
    _one(
        "replay: claims that wait for their merge are noted",
        "tests/store/test_deferred.py::test_a_replay_that_breaks_off_is_merged_by_the_next_run",
        "runtime/fieldmap/runtime/load/merging.py",
        "SET deferred = true WHERE",
        "SET deferred = false WHERE",
    ),
    _one(
        "known records: what is being written of them is waited for",
        "tests/store/test_recall.py::test_what_is_known_of_others_is_asked_while_a_batch_is_written",
        _LOADER,
        "        return bool(batch.dead) or not written.isdisjoint(records)\n",
        "        return bool(batch.dead)\n",
    ),
    _one(
        "known records: none of an earlier page where another version is shown beside",
        "tests/store/test_recall.py::test_of_a_page_for_the_same_request_only_what_it_had_not_is_decoded",
        "runtime/fieldmap/runtime/load/recall.py",
        " or not shown.isdisjoint(matched)",
        "",
    ),
    _one(
        "counts of held values are not counted on after the last batch",
        _STORE + "test_the_shares_of_a_run_cut_off_after_its_last_batch_are_not_counted_on",
        _LOADER,
        "                if self._shares.counted:\n",
        "                if self.loaded.counts.pages:\n",
    ),
    _one(
        "archive: the file is synced before a page is given",
        _CRASH + "test_I7_what_was_said_to_be_durable_survives_the_loss_of_power",
        _WRITER,
        "            segment.sync()\n",
        "            pass\n",
    ),
    _one(
        "archive: the folder is synced when a file is made",
        _CRASH + "test_I7_what_was_said_to_be_durable_survives_the_loss_of_power",
        _WRITER,
        "            self._number, self._size = self._number + 1, 0\n            self._folder.sync()\n",
        "            self._number, self._size = self._number + 1, 0\n",
    ),
    _one(
        "archive: after a failed write nothing more is taken",
        _CRASH + "test_A4_a_writer_that_failed_takes_nothing_more",
        _WRITER,
        '        self._stopped = "an earlier write failed"  # until',
        '        self._stopped = ""  # until',
    ),
    _one(
        "archive: after a failed sync nothing more is taken",
        _CRASH + "test_A4_a_writer_that_failed_takes_nothing_more",
        _WRITER,
        '        self._stopped = "an earlier write failed"\n        try:\n            segment.sync()',
        '        self._stopped = ""\n        try:\n            segment.sync()',
    ),
    _one(
        "archive: a torn tail is cut before anything is appended",
        _DAMAGE + "test_A2_torn_at_every_byte",
        _WRITER,
        "            self._folder.truncate(segment_name(self._number), self._size)\n",
        "            pass\n",
    ),
    _one(
        "archive: the digest of every record is checked",
        _DAMAGE + "test_X7_an_altered_last_record_is_damage_and_no_torn_tail",
        _WARC,
        """if self.head.get("warc-block-digest") != f"sha256:{hashlib.sha256(self.block).hexdigest()}":""",
        "if False:",
    ),
    _one(
        "archive: the chain from record to record is checked",
        _DAMAGE + "test_X7_a_record_left_out",
        _WARC,
        "if previous_chain is not None and self.chain != _chained(previous_chain, self.before_chain):",
        "if False:",
    ),
    _one(
        "HTTP: a gzip stream must come to its end",
        "tests/runtime/archive/test_coding.py::test_N03_gzip_cut_anywhere",
        "runtime/fieldmap/runtime/values/gunzip.py",
        """                    raise GunzipError("ends in the middle of its gzip stream", again=True)\n""",
        "                    break\n",
    ),
    _one(
        "HTTP: what is unpacked is bounded",
        "tests/runtime/archive/test_coding.py::test_N05_many_members_count_together",
        "runtime/fieldmap/runtime/values/gunzip.py",
        "            if room < 0:\n",
        "            if False:\n",
    ),
    _one(
        "HTTP: the next page is on the same host",
        "tests/runtime/acquire/test_paging.py::test_N08_a_next_page_elsewhere",
        "runtime/fieldmap/runtime/acquire/requests.py",
        "        if not same:\n",
        "        if False:\n",
    ),
    _one(
        "HTTP: no page is asked for twice",
        "tests/runtime/acquire/test_paging.py::test_S01_a_cycle_of_cursors",
        "runtime/fieldmap/runtime/acquire/guards.py",
        "        if fingerprint in self._asked:\n",
        "        if False:\n",
    ),
    _one(
        "HTTP: what may arrive once is sent once",
        "tests/runtime/acquire/test_requests.py::test_N14_a_post_that_is_sent_once_is_not",
        "runtime/fieldmap/runtime/acquire/sending.py",
        "> self._policy.times or not (safe or outcome.unheard)",
        "> self._policy.times",
    ),
    _one(
        "HTTP: a class of statuses leaves out a lost permission",
        "tests/runtime/acquire/test_requests.py::test_a_class_of_statuses_leaves_out_who_may_ask",
        "runtime/fieldmap/runtime/acquire/judging.py",
        " and status not in _NOT_OF_A_CLASS",
        "",
    ),
    _one(
        "HTTP: what was passed over moves no position",
        "tests/runtime/acquire/test_requests.py::test_a_skipped_sweep_moves_no_position",
        "runtime/fieldmap/runtime/acquire/paging.py",
        " and not self._skipped and self._whole",
        " and self._whole",
    ),
    _one(
        "children: a sweep that lacks a part is not closed",
        "tests/runtime/acquire/test_children.py::test_S16_a_parent_that_fails_keeps_its_position_and_the_others_go_on",
        "runtime/fieldmap/runtime/acquire/children.py",
        "        if failed:\n",
        "        if False:\n",
    ),
    _one(
        "exports: the job is kept before it is asked after",
        "tests/runtime/acquire/test_exports.py::test_a_run_that_was_killed_submits_no_second_job",
        "runtime/fieldmap/runtime/acquire/exports.py",
        "        self._keep(self._kept)\n        return None\n",
        "        return None\n",
    ),
)
