"""What names a failure and what only has its words in it, over the masks."""

from __future__ import annotations

import polars as pl
import pytest

from daemon.core.baseline import failure_score
from daemon.core.masking import Masker
from daemon.core.observations import cause_of

HARMLESS = """
scan of 14 volumes ended, 0 errors
sync done: 120 copied, 0 failed, 3 skipped
Tests run: 41, Failures: 0, Errors: 0, Skipped: 2
play recap host-7: ok=12 changed=0 unreachable=0 failed=0
INFO import finished errors=0 rows=5512
INFO report {"rows":12,"errors":0,"failed":0}
stats sent=1200 lost=0 delayed=4
link check: 0 packets lost
batch 12 closed with 0 new errors
probe result errors: none
validation result errors=[] warnings=[]
INFO table orders: 120 live tuples, 14 dead tuples
LOG: index scan needed: 19 pages from table (59.38% of total) had 201 dead item identifiers removed
tuples: 31 removed, 120 remain, 2 are dead but not yet removable
INFO vacuum kept 17 dead row versions
dead letter queue size 0
dead letters: 0
DLQ consumer started
dlq depth 0
scan ended, 0 files quarantined
3 messages discarded as duplicates
discarding duplicate message 17
INFO cart: 12 abandoned carts are mailed
gave up the lease of shard 7
giving up leadership of partition 3
INFO dead-letter topic created with 3 partitions
INFO Exception support enabled
INFO exception handlers registered: 14
error handling middleware loaded
error reporting is enabled
error-free run number 200
this build is exception-free
failover ready
INFO failover mode active-passive
error_log=/var/log/app/error.log
opened error.log for appending
rotating failed_logins.log
rendering template 404-missing.html
worker started with --fail-fast --max-errors 5
on-error=continue
INFO consumer settings ignore.errors=true
INFO settings fail.on.missing=false
INFO settings stop-on-error: no
log.errors = on
INFO error.topic=orders-unread
INFO failure domain rack-2 joined
alert rules loaded: 40
alert manager connected
timeout set to 30 s
mounted lost+found
entering critical section
fail2ban server ready
restart policy on-failure
INFO no lost messages since start
INFO never failed since 2019
no missing files
nothing lost
in case of failure the job is repeated
"""
FAILING = """
scan of 14 volumes ended, 3 errors
sync done: 120 copied, 2 failed, 3 skipped
Tests run: 41, Failures: 1, Errors: 0, Skipped: 2
play recap host-7: ok=12 changed=0 unreachable=0 failed=2
import finished errors=10 rows=0
{"rows":0,"errors":7}
stats sent=1200 lost=30 delayed=0
copy took 0 ms and failed
read 0 bytes, connection lost
0 of 5 nodes answered, giving up: quorum lost
error: 0 bytes written
failed 0x80070005
error 0.5 s after start
node host-7 is dead
peer declared dead after 3 probes
message moved to dead letter queue after 5 attempts
event sent to the dead-letter topic
record 17 becomes a dead letter
order 5512 became a dead letter
message 12 dead-lettered
payload moved into the dead letter queue
event 9 sent to DLQ
gave up after 5 attempts
giving up on broker kafka-2
job mail.send given up after 3 tries
the message was discarded
this record is quarantined
abandoning task 17
discarding the batch
Exception in thread main
uncaught exception while loading support library
exception handling request 17
error handler called for request 12
error in error handler
failover failed
initiating failover to host-2
cannot open error.log
error.log: no such file
disk full, writing error.log failed
option --fail-fast is invalid
on-error=continue ignored, job aborted
ERROR handling request 17
error handling request: EOF
error_message=refused
last_error="connection refused"
error rate 40%
failure threshold exceeded: 12 failed
alert: temperature too high
request timeout after 30 s
session timeout of 30 exceeded
files missing: 3
lost connection to store
critical battery
no errors yet, connection lost
no such table
job failed: no retries left
redis.exceptions.OutOfMemory raised
query ended with Error Domain=NSOSStatus
not responding, killed
backup without errors on host-1, aborted on host-2
health check failing
the replica is broken
could not bind, port in use
"""


def masked(lines: str) -> list[str]:
    texts = lines.strip().splitlines()
    columns = {"position": range(len(texts)), "time": 0, "scope": "a", "key": "k", "clock": 0}
    return (
        Masker()
        .apply(
            pl.DataFrame({"text": texts}).with_columns(
                *(
                    pl.lit(value).alias(name) if not isinstance(value, range) else pl.int_range(len(texts)).alias(name)
                    for name, value in columns.items()
                )
            )
        )["masked"]
        .to_list()
    )


@pytest.mark.parametrize(("lines", "fails"), [(HARMLESS, False), (FAILING, True)])
def test_only_failures_read_like_failures(lines: str, *, fails: bool) -> None:
    """Zeros, properties, nouns, options, settings and files are none; a failure beside them is not lost."""
    wrong = [line for line in masked(lines) if (failure_score(line) > 0) is not fails]

    assert [] == wrong


def test_a_count_that_is_no_longer_zero_is_another_line() -> None:
    """The masks keep the zero, so that the first failures are new."""
    none, some, more = masked("errors=0 in batch 7\nerrors=3 in batch 7\nerrors=12 in batch 9")

    assert none != some == more
    assert cause_of(none).id != cause_of(some).id
