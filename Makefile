# The front door. `make` builds build/release/weir; everything else is a target below.
# Set-up is idempotent and needs no network once it is satisfied (tools/setup.sh).

PREFIX  ?= /usr/local
DESTDIR ?=
JOBS    ?= $(shell nproc)
SCALE   ?= 1
CASES   ?=
MINUTES ?= 60
PYTHON  := $(shell test -x /usr/bin/python3 && echo /usr/bin/python3 || echo python3)
RELEASE := build/release
# A build directory can outlive its first configuration (an interrupted one): ninja's file says it.
READY   := $(RELEASE)/build.ninja

.PHONY: all build install demo test test-large bench fuzz lint format clean
.NOTPARALLEL:

all: build

$(READY): | setup-build
	@meson setup $(RELEASE) --buildtype=release -Dtests=false >$(RELEASE).log 2>&1 || \
		{ cat $(RELEASE).log; exit 1; }

.PHONY: setup-build setup-test
setup-build:
	@tools/setup.sh build
	@mkdir -p build

setup-test:
	@tools/setup.sh test

build: setup-build $(READY)
	@ninja -C $(RELEASE) -j $(JOBS) weir

# Install under PREFIX (DESTDIR is honoured, as packagers expect).
install: build
	@meson configure $(RELEASE) -Dprefix=$(abspath $(PREFIX))
	@DESTDIR=$(DESTDIR) meson install -C $(RELEASE) --tags runtime

# The quick start: 2 GB of web log through a 32 MB cap.
demo: build
	@examples/quickstart/run.sh $(RELEASE)/weir

# Everything that must pass before a change lands; ends with "N passed, N failed, N skipped".
test: setup-test
	@$(PYTHON) tools/run_tests.py

# Hours instead of minutes: larger seeds and sizes, with a ledger (docs/ledger.md).
test-large: setup-test
	@$(PYTHON) tools/run_tests.py --large

# Side by side with DuckDB, Polars, GNU sort and mawk. SCALE=0.1 for a quick look, CASES=first_1m,join for some.
bench: setup-test build
	@$(PYTHON) bench/run.py --scale $(SCALE) --only '$(CASES)'

fuzz: setup-test
	@$(PYTHON) tools/run_tests.py --only fuzz --fuzz-minutes $(MINUTES)

lint:
	@$(PYTHON) tools/check_layers.py
	@$(PYTHON) tools/tidy.py

format:
	@git ls-files '*.c' '*.h' | xargs clang-format -i

clean:
	@rm -rf build
