# make run    the first experiment and its report
# make test   every test that this machine can run, and a list of those it can't
# make check  format, vet, staticcheck, tidy, generated files
# make cross  builds and vets Nebula and its tests for every platform
# make demo-energy  an experiment on energy, with simulated counters
# make race   the tests again under the race detector, which takes an hour
# make bench  what measuring costs, beside bare loops over the engines
# make fuzz   each fuzz target for FUZZTIME, 20,000 experiments with mistakes and
#             10,000 spoilt run folders
# make bases  root file systems that some experiments stand on; needs root
# make dist   programs for all platforms, in archives with their digests
# make clean  what was built here, and what runs that died left behind

FUZZTIME ?= 60s
BIN := bin/nebula
# The chart library is embedded at build time. Without npm, pages name its
# hosted copy and say so.
CHARTS := reports/web/dist/echarts.min.js
NPM := $(shell command -v npm 2>/dev/null)

.PHONY: cross run demo-energy test race check bench fuzz clean build charts bases dist

run: build
	./$(BIN) run experiments/coldstart.hcl
	@echo
	@echo "The report: reports/index.html"

# The root file systems that some experiments stand on. They stay once made.
bases: experiments/base/busybox.tar experiments/base/debian.tar

experiments/base/%.tar: experiments/base/%.sh
	sh $<

# The counters follow the processors of this machine: 10 W, and 15 W more for
# each that is busy.
demo-energy: build
	@dir=$$(mktemp -d); \
	./$(BIN) simulate $$dir/sys --idle 10 --per-cpu 15 --dram & sim=$$!; \
	trap 'kill $$sim; wait $$sim; rm -rf $$dir' EXIT; \
	for i in 1 2 3 4 5 6 7 8 9 10; do test -e $$dir/sys/class/powercap/.simulated && break; sleep 0.2; done; \
	./$(BIN) run --path.sysfs $$dir/sys experiments/energy.hcl
	@echo
	@echo "The report, simulated: reports/index.html"

build: charts
	go build -o $(BIN) ./cmd/nebula

charts: $(if $(NPM),$(CHARTS))

$(CHARTS): reports/web/package-lock.json
	@npm ci --prefix reports/web --no-audit --no-fund --loglevel=error && npm run --prefix reports/web --silent build \
		|| echo "npm could not fetch the chart library: pages will name its hosted copy"

# Containers have the machine for themselves: a fork bomb is stopped in its time
# only where nothing else wants the processors. After that, what does not measure
# runs beside what does, and gives way. Functions are built once for all
# (NEBULA_CACHE). -count=1, because a cached result would not say what it skipped.
MODULES := ./backends/wazero ./experiment/meter ./experiment/runner
test: export NEBULA_CACHE := $(abspath bin/cache)
test: export NEBULA_TEST_SKIPPED := $(abspath bin/skipped.txt)
test: charts
	@mkdir -p bin && rm -f bin/skipped.txt
	@go build ./...
	@others=$$(go list ./... | grep -vxF "$$(go list ./backends/docker ./cmd/nebula $(MODULES))"); \
	test="go test -p 1 -count=1 -timeout 15m"; \
	trap 'trap - TERM; kill 0' INT TERM; \
	$$test ./backends/docker; code=$$?; \
	nice -n 10 $$test $$others & beside=$$!; \
	$$test $(MODULES) ./cmd/nebula || code=1; \
	wait $$beside || code=1; \
	if [ -s bin/skipped.txt ]; then \
		echo; echo "Skipped, for want of a tool:"; \
		sort bin/skipped.txt | uniq -c | sed 's/^ *\([0-9]*\) /  \1 need /'; \
	fi; exit $$code

# Backends run their functions in programs of our own that are under the
# detector too: compilers and interpreters take five to fifty times as long.
race: charts
	go test -race -p 1 -count=1 -timeout 60m ./...

# What it must build for. go vet compiles the tests too.
PLATFORMS := linux/arm64 linux/riscv64 darwin/arm64 darwin/amd64 windows/amd64 freebsd/amd64

cross:
	@for p in $(PLATFORMS); do \
		echo "$$p"; export CGO_ENABLED=0 GOOS=$${p%/*} GOARCH=$${p#*/}; \
		go build ./... && go vet ./... || exit 1; \
	done

check:
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -d $$(git ls-files '*.go'); exit 1; }
	go vet ./...
	go tool staticcheck ./...
	go mod tidy -diff
	go mod verify
	@git diff --exit-code --stat || { echo "the tree is not clean: commit first"; exit 1; }

bench: build
	go test -run '^$$' -bench . -benchtime 2s ./...

fuzz:
	NEBULA_TEST_FILES=20000 go test -count=1 -timeout 60m -run '^TestGeneratedFiles$$' ./experiment/config
	NEBULA_TEST_FOLDERS=10000 go test -count=1 -timeout 3h -run '^TestSpoiltFolders$$' ./cmd/nebula
	@for p in $$(go list ./...); do \
		for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz'); do \
			echo "$$p $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p || exit 1; \
		done; \
	done

# The same commit gives the same bytes. Programs go with the chart library.
dist: charts
	NEBULA_TEST_DIST=1 go test -count=1 ./internal/dist
	go run ./internal/dist

clean:
	-./$(BIN) clean
	rm -rf bin dist reports/*.html reports/assets reports/runs reports/web/node_modules $(CHARTS) reports/web/dist/LICENSES.txt
