# `make` alone lists the targets.

PREFIX ?= /usr/local
DESTDIR ?=
# What the CPU must have; `make build MARCH=native` builds for this machine alone.
MARCH ?= $(PRETRAIN_MARCH)
# Arguments of `make run`: a configuration file and options of `pretrain run`.
ARGUMENTS ?=
# For `make fuzz`: seconds for each parser.
FUZZ_SECONDS ?= 60
# For `make sanitize`; FILTER chooses tests.
SANITIZERS ?= address thread undefined
FILTER ?=
# For `make mpi`.
MPICC ?= mpicc
# For `make bench-compare`.
PYTHON ?= python3
# Of `make torture`: for how many hours, and other arguments (`.build/release/torture --help`).
TORTURE_HOURS ?=
TORTURE ?=
# Where `make test-interop` keeps its virtual environment.
INTEROP ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/pretrain-interop

ifneq ($(MARCH),)
export PRETRAIN_MARCH := $(MARCH)
endif

binary := .build/release/pretrain
# The installed binary carries Swift's runtime; its own folder keeps the two builds from undoing each other.
static := .build/static
staged := .build/staged
archives := .build/archives
sources := Package.swift $(shell find Sources -type f)
formatted := Package.swift Sources Tests $(wildcard Benchmarks)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help deps build run corpora mpi test test-interop torture torture-short fuzz sanitize lint bench bench-check bench-compare \
	format dist install bundle bundle-check uninstall clean

help: ## Lists the targets.
	@echo "Targets:"
	@sed -n 's/^\([a-z-]*\):.*## /  \1	/p' $(MAKEFILE_LIST) | expand -t 16
	@echo "Variables: MARCH=native, PREFIX=$(PREFIX), DESTDIR=, INTEROP=, ARGUMENTS='CONFIG.yaml --set key=value'"

deps: ## Installs the libraries that are missing (apt).
	@Tools/install-dependencies.sh

build: deps ## Builds pretrain in release.
	swift build -c release

run: build corpora ## Sets up everything and pretrains the demo.
	$(binary) run $(ARGUMENTS)

corpora: ## Fetches the demo corpus.
	@Tools/fetch-demo-corpus.sh

# Without the flag every target would be compiled a second time, and differently from what is shipped.
test: deps ## Runs all tests, in release.
	swift test -c release --disable-testable-imports

test-interop: build ## Checks export and import with transformers, in a virtual environment under INTEROP.
	@Tools/test-interop.sh '$(CURDIR)/$(binary)' '$(INTEROP)'

torture: build ## Kills, faults, power cuts, flips, races, long runs, ranks: minutes, or TORTURE_HOURS=3.
	.build/release/torture $(if $(TORTURE_HOURS),--hours $(TORTURE_HOURS)) $(TORTURE)

torture-short: build ## The same in less than a minute, as .ci/run has it.
	.build/release/torture kills faults power flips races --minutes 0.6
	.build/release/torture long --count 3

mpi: build ## Builds what connects runs on several machines (MPICC=mpicc of their MPI).
	$(binary) mpi-library --mpicc $(MPICC)

fuzz: deps ## Feeds the parsers of files with broken ones, each for FUZZ_SECONDS.
	@Tools/fuzz.sh $(FUZZ_SECONDS)

# Sanitizers slow everything down by much: for changes of kernels and threads. What a program still holds at its end is no leak.
sanitize: deps ## Runs all tests with the address, thread and undefined-behaviour sanitizers (SANITIZERS=...).
	@for sanitizer in $(SANITIZERS); do Tools/sanitize.sh $$sanitizer $(if $(FILTER),--filter '$(FILTER)') || exit 1; done

lint: ## Checks the format of the sources, and the shell scripts if shellcheck is there.
	swift format lint --strict --parallel -r $(formatted)
	@if command -v shellcheck >/dev/null; then shellcheck .ci/run Tools/*.sh Benchmarks/*.sh; fi

bench: build ## Measures steps of the presets and all kernels on this machine, as tables.
	@Benchmarks/table.sh $(binary)

bench-check: build ## Checks that the speed thresholds in Benchmarks/ are met on this machine.
	$(binary) bench check Benchmarks/thresholds.json

bench-compare: build ## Compares with PyTorch, in turn (PYTHON has torch and transformers).
	$(PYTHON) Benchmarks/compare_with_pytorch.py

format: ## Formats the sources.
	swift format -i --parallel -r $(formatted)

# C++'s runtime, as an archive in $(archives), goes into the binary, and lld leaves out what nothing in it calls: the shared
# one needs a later glibc than all else does, and so does what gold keeps of its names.
# The old kind of search path comes before LD_LIBRARY_PATH and holds for libraries of libraries: a bundle's are used
# together or not at all. Where there is no such folder, the system's are found as ever.
# ICU's data, 34 MB that nothing reads, are left out where the archive of Foundation's ICU has them under the name that it has
# had so far (Sources/CICUData).
link := -Xswiftc -use-ld=lld -Xswiftc '-L$(CURDIR)/$(archives)' \
	-Xlinker --disable-new-dtags -Xlinker -rpath -Xlinker '$$ORIGIN/../lib/pretrain'

$(staged)/.complete$(MARCH): Makefile $(sources)
	@Tools/install-dependencies.sh
	@mkdir -p $(archives)
	@archive=$$(clang -print-file-name=libstdc++.a 2>/dev/null) || archive=; \
	[ ! -f "$$archive" ] || ln -sf "$$archive" $(archives)
	icu=$$(Tools/swift-folder.sh)/lib/swift_static/linux/lib_FoundationICU.a; \
	[ -f "$$icu" ] || echo "note: no $$icu: the program keeps 34 MB of ICU's data"; \
	data=$$(nm "$$icu" 2>/dev/null | sed -n 's/.* R \(icudt[0-9]*_dat\)$$/\1/p'); \
	$${data:+env PRETRAIN_ICU_DATA=$$data} swift build -c release --static-swift-stdlib --product pretrain --scratch-path $(static) $(link)
	@rm -rf $(staged)
	@mkdir -p $(staged)/bin $(staged)/share/man/man1 $(staged)/share/bash-completion/completions \
		$(staged)/share/zsh/site-functions $(staged)/share/fish/vendor_completions.d
	install -m 755 $(static)/release/pretrain $(staged)/bin/pretrain
	strip --strip-unneeded $(staged)/bin/pretrain
	@if ldd $(staged)/bin/pretrain | grep -E 'libswift|libFoundation|not found'; then \
		echo "error: the binary would need the libraries above where it is installed" >&2; exit 1; fi
	$(staged)/bin/pretrain --generate-completion-script bash >$(staged)/share/bash-completion/completions/pretrain
	$(staged)/bin/pretrain --generate-completion-script zsh >$(staged)/share/zsh/site-functions/_pretrain
	$(staged)/bin/pretrain --generate-completion-script fish >$(staged)/share/fish/vendor_completions.d/pretrain.fish
	@mkdir -p .build/manual
	swift package plugin generate-manual --output-directory .build/manual
	install -m 644 .build/manual/pretrain.1 $(staged)/share/man/man1/pretrain.1
	@touch $@

dist: $(staged)/.complete$(MARCH) ## Builds what `make install` copies: dist as yourself, then install as root.

ifneq ($(words x$(DESTDIR)$(PREFIX)x),1)
$(error PREFIX and DESTDIR must hold no blanks)
endif

installed := bin/pretrain share/man/man1/pretrain.1 share/bash-completion/completions/pretrain \
	share/zsh/site-functions/_pretrain share/fish/vendor_completions.d/pretrain.fish

install: dist ## Installs a binary that needs no Swift, the manual page and completions under PREFIX.
	install -D -m 755 $(staged)/bin/pretrain $(DESTDIR)$(PREFIX)/bin/pretrain
	@for file in $(wordlist 2,99,$(installed)); do \
		install -D -m 644 $(staged)/$$file $(DESTDIR)$(PREFIX)/$$file || exit 1; done

bundle: dist ## Makes an archive that runs on machines with nothing installed.
	@MARCH=$(MARCH) Tools/make-bundle.sh $(staged) $(static)/checkouts .build/bundle

bundle-check: bundle ## Runs it in a bare system, as far as root's rights go.
	@for archive in .build/bundle/*.tar.gz; do Tools/check-bundle.sh $$archive || exit 1; done

uninstall: ## Removes what `make install` installed.
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/,$(installed))

clean: ## Removes everything that was built; corpora and checkpoints stay.
	rm -rf .build
