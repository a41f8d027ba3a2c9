"""strayline: a streaming log-anomaly daemon. Log lines become sessions, sessions are judged, and incidents are told.

core/          the pure core, a package for each stage a line goes through; no I/O, no clock
runtime/       asyncio: partitions are fetched, embedded, judged and committed; recovery and watchdog
ports.py       what the runtime needs from outside; adapters/ implements it (Kafka, engines, HTTP, files, systemd)
config/        the configuration file; wiring.py turns it into settings of the core and of the adapters
service.py     `strayline run`: the whole daemon, its start, reload and end; port_access.py says who may use a port
cli/           the command line, a module for each verb; terminal/ prints for people
backtest/      the same core over files, and its report
console/       incidents in a browser, notify/ sends them to people: separate processes that read the topics
discovery/     finds out how a log is read; documents/ compares texts with a base of standard ones
config_tests/  what `strayline test` runs; bench/ is `strayline bench`
metrics/       all metrics; logs.py the daemon's own log; errors.py all errors; backoff.py waits between attempts;
               file_stamps.py tells whether files have changed
"""
