# make help lists the targets. VERSION and GOFLAGS may be set; everything else is
# pinned by go.mod, tools/*/go.mod and the versions below.

ALLOY   := $(shell go list -m -f '{{.Version}}' github.com/grafana/alloy)
VERSION ?= $(ALLOY)-eks.0

# The binaries are static: no cgo, DNS and users by Go itself.
STATIC  := CGO_ENABLED=0
LDFLAGS := -s -w -X github.com/grafana/alloy/internal/build.Version=$(VERSION)

# Packages that link the whole distribution, or run it as a process: they share
# the build cache of the binaries, and the race detector would build all of Alloy
# a second time. All other packages are ours to race.
WHOLE := ./cmd/alloy/... ./internal/convertflow/sidebyside ./internal/demo/... ./internal/distribution/... ./internal/endtoend/... ./internal/recipes ./internal/throughput
RACED = $(shell go list ./... | grep -v -E '/(cmd/alloy|internal/convertflow/sidebyside|internal/demo|internal/distribution|internal/endtoend|internal/recipes$$|internal/throughput$$)')

# The web UI is built by npm out of the sources of the Alloy in go.mod, once for each version. WITH_UI= does without. The dot keeps the go command away from the Go
# files that some npm packages have.
UI      := build/.ui-$(ALLOY)
WITH_UI ?= $(if $(shell command -v npm),ui)

# Platforms that make image makes images for, separated by commas.
PLATFORMS ?= linux/$(shell go env GOARCH)

LINTER        := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0 run --allow-parallel-runners
ACTIONLINT    := github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
FUZZTIME ?= 5s

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-zA-Z_/-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort

.PHONY: build
build: ## build/alloy, the distribution, and build/firehose, the stand-in for Firehose
	$(STATIC) go build -ldflags '$(LDFLAGS)' -o build/alloy ./cmd/alloy
	$(STATIC) go build -ldflags '-s -w' -o build/firehose ./cmd/firehose

.PHONY: build/loki
build/loki: ## a real Loki for the tests and the demo
	cd tools/loki && $(STATIC) go build -ldflags '-s -w' -o ../../build/loki github.com/grafana/loki/v3/cmd/loki

.PHONY: ui
ui: $(UI)/dist/index.html ## the pages of the web UI, for the next build; needs Node.js 20 or later
	rm -rf internal/webui/dist/[!.]*
	cp -R $(UI)/dist/. internal/webui/dist/

$(UI)/dist/index.html:
	rm -rf $(UI)
	mkdir -p build
	cp -R "$$(go list -m -f '{{.Dir}}' github.com/grafana/alloy)/internal/web/ui" $(UI)
	chmod -R u+w $(UI)
	cd $(UI) && npm ci --ignore-scripts --no-audit --no-fund && npm run build

.PHONY: run
run: $(WITH_UI) build ## run the quick start configuration, with the web UI on http://127.0.0.1:12345
	build/alloy run --storage.path=data/alloy example-configs/quickstart.alloy

.PHONY: demo
demo: build ## deliver the bundled captures and show what they become; LOKI=1 stores them in a real Loki and queries it
	@$(if $(LOKI),$(MAKE) build/loki,true)
	@$(STATIC) go run ./internal/demo $(if $(LOKI),-loki)

.PHONY: test
test: lint ## all tests; the first run builds Alloy, and the real servers that it is tested with
	go test -race -timeout 20m $(RACED)
	$(MAKE) build build/loki build/prometheus build/minio build/duckdb
	$(STATIC) go test -timeout 30m $(WHOLE)
	$(MAKE) test-helm
	$(MAKE) test-grafana
	$(MAKE) test-terraform
	$(MAKE) test-s3
	$(MAKE) test-image WITH_UI=
	$(MAKE) fuzz

.PHONY: test-faults
test-faults: build build/loki ## every fault in every pipeline, 50 kills and so on; writes the table of docs/reliability.md, takes 8 minutes
	$(STATIC) go test -count=1 -timeout 60m -run '^(TestFaults|TestOverload)$$' ./internal/endtoend -full

.PHONY: image
image: $(WITH_UI) build ## build/image, an OCI image layout for PLATFORMS; GOFLAGS=-trimpath for a binary that is the same on every machine
	@set -e; binaries=; for platform in $$(echo $(PLATFORMS) | tr , ' '); do \
		binary=build/alloy; \
		if [ $$platform != $$(go env GOOS)/$$(go env GOARCH) ]; then \
			binary=build/alloy-$$(echo $$platform | tr / -); \
			$(STATIC) GOOS=$${platform%/*} GOARCH=$${platform#*/} go build -ldflags '$(LDFLAGS)' -o $$binary ./cmd/alloy; \
		fi; \
		binaries="$$binaries --binary $$platform=$$binary"; \
	done; \
	(cd tools/image && $(STATIC) go build -o ../../build/imagetool .); \
	if [ -e internal/webui/dist/index.html ]; then \
		binaries="$$binaries --package-lock $$(go list -m -f '{{.Dir}}' github.com/grafana/alloy)/internal/web/ui/package-lock.json"; \
	else echo 'note: the image has no web UI; make ui image'; fi; \
	SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct)} build/imagetool build $$binaries \
		--version $(VERSION) --revision $$(git rev-parse HEAD) --output build/image

# The archives are the same for the same binaries, as the image is.
.PHONY: dist
dist: image ## build/dist, what a release has beside the image: an archive of the binaries and a list of what is in them for PLATFORMS, and checksums
	@set -e; rm -rf build/dist; mkdir -p build/dist; \
	export SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct)}; lock=; \
	if [ -e internal/webui/dist/index.html ]; then \
		lock="--package-lock $$(go list -m -f '{{.Dir}}' github.com/grafana/alloy)/internal/web/ui/package-lock.json"; \
	fi; \
	for platform in $$(echo $(PLATFORMS) | tr , ' '); do \
		name=alloy-eks-$(VERSION)-$$(echo $$platform | tr / -); files=build/dist/$$name; mkdir $$files; \
		if [ $$platform = $$(go env GOOS)/$$(go env GOARCH) ]; then cp build/alloy $$files/alloy; \
		else cp build/alloy-$$(echo $$platform | tr / -) $$files/alloy; fi; \
		$(STATIC) GOOS=$${platform%/*} GOARCH=$${platform#*/} go build -ldflags '-s -w' -o $$files/firehose ./cmd/firehose; \
		cp README.md CHANGELOG.md $$files/; \
		build/imagetool materials --binary $$files/alloy --version $(VERSION) $$lock > $$files.cdx.json; \
		tar --sort=name --mtime=@$$SOURCE_DATE_EPOCH --owner=0 --group=0 --numeric-owner --mode=go=rX,u+rwX -C build/dist -c $$name | gzip -n > $$files.tar.gz; \
		rm -r $$files; \
	done; \
	cd build/dist && sha256sum * > SHA256SUMS && cat SHA256SUMS

.PHONY: release-notes
release-notes: ## what CHANGELOG.md says of VERSION, which it must
	@awk -v heading='## $(VERSION)' '/^## / {on = $$0 == heading; next} on {print; found = 1} END {exit !found}' CHANGELOG.md

.PHONY: push
push: ## push build/image to REF, for example REF=registry.example.com/alloy-eks:$(VERSION)
	build/imagetool push $(REF)

# The go command does not see when something changes outside of a module, so it must not remember results of these.
.PHONY: test-image
test-image: image ## the image: what is in it, and that it runs on nothing else
	cd tools/image && $(STATIC) go test -count=1 ./...

.PHONY: test-ui
test-ui: ui build ## the web UI, looked at by a real Chromium; screenshots into build/screenshots
	@command -v chromium || command -v chromium-browser || command -v google-chrome || \
		{ apt-get update && apt-get install --yes --no-install-recommends chromium; }
	cd tools/browser && $(STATIC) go test -count=1 ./...

.PHONY: test-helm
test-helm: ## the Helm values, with the real chart, Kubernetes' own checks and build/alloy
	cd tools/helm && $(STATIC) go test -count=1 ./...

.PHONY: build/tofu
build/tofu: ## a real OpenTofu for the tests
	cd tools/terraform/tofu && $(STATIC) go build -ldflags '-s -w' -o ../../../build/tofu github.com/opentofu/opentofu/cmd/tofu

.PHONY: test-terraform
test-terraform: $(if $(TERRAFORM),,build/tofu) ## the Terraform modules, planned in all partitions; TERRAFORM=path for another tool than OpenTofu
	cd tools/terraform && $(STATIC) go test -count=1 ./...

.PHONY: build/prometheus
build/prometheus: ## a real Prometheus and its promtool for the tests
	cd tools/prometheus && $(STATIC) go build -tags remove_all_sd -ldflags '-s -w' -o ../../build/ \
		github.com/prometheus/prometheus/cmd/prometheus github.com/prometheus/prometheus/cmd/promtool

.PHONY: dashboards
dashboards: ## the dashboards and alerts of operations/grafana, out of tools/grafana
	cd tools/grafana && $(STATIC) go run .

.PHONY: test-grafana
test-grafana: build build/loki build/prometheus ## the dashboards and alerts, asked of a real Prometheus and a real Loki
	cd tools/grafana && $(STATIC) go test -count=1 ./...

.PHONY: test-s3
test-s3: build ## firehose redrive, from a server that has S3's interface
	cd tools/s3 && $(STATIC) go test -count=1 ./...

.PHONY: build/minio
build/minio: ## a real server of S3's interface for the tests
	cd tools/minio && $(STATIC) go build -ldflags '-s -w' -o ../../build/minio github.com/minio/minio

# The library of DuckDB is C++, and comes built with its module.
.PHONY: build/duckdb
build/duckdb: ## a real DuckDB for the tests; needs a C compiler
	cd tools/duckdb && CGO_ENABLED=1 go build -ldflags '-s -w' -o ../../build/duckdb .

# Before Go 1.27, the end of the time may count as a failure, which is none: https://go.dev/issue/75804. Whoever finds something says more than that.
.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME
	@mkdir -p build; for pkg in $(RACED); do \
		dir=$$(go list -f '{{.Dir}}' $$pkg) || exit 1; \
		for target in $$(grep -hoE '^func Fuzz[A-Za-z0-9_]+' $$dir/*_test.go 2>/dev/null | sed 's/^func //'); do \
			echo "fuzz $$pkg $$target"; \
			go test -run='^$$' -fuzz="^$$target\$$" -fuzztime=$(FUZZTIME) -fuzzminimizetime=2s $$pkg > build/fuzz.log 2>&1; status=$$?; \
			if [ $$status != 0 ] && grep -qx '    context deadline exceeded' build/fuzz.log && ! grep -qi 'failing input' build/fuzz.log; \
			then grep '^fuzz: ' build/fuzz.log; else cat build/fuzz.log; [ $$status = 0 ] || exit 1; fi; \
		done; \
	done

.PHONY: bench
bench: ## micro-benchmarks into build/bench.txt, for benchstat
	@mkdir -p build
	go test -run='^$$' -bench=. -benchmem -count 6 $(RACED) | tee build/bench.txt

.PHONY: build/otelcol
build/otelcol: ## an OpenTelemetry Collector to compare with
	cd tools/otelcol && $(STATIC) go build -ldflags '-s -w' -o ../../build/otelcol .

.PHONY: bench-e2e
bench-e2e: build build/otelcol ## what whole pipelines cost; SWEEP=1: by size, pods and so on; SOAK=30m: for long; BENCH: more flags
	@$(STATIC) go run ./internal/throughput $(if $(SOAK),soak --duration $(SOAK),$(if $(SWEEP),sweep,measure)) $(BENCH)

.PHONY: fmt
fmt: ## format Go code and example configurations
	gofmt -w cmd component internal
	for f in example-configs/*.alloy; do build/alloy fmt -w $$f; done

.PHONY: lint
lint: ## golangci-lint, with the import rules of .golangci.yml, and actionlint for the workflows
	$(STATIC) go run $(ACTIONLINT) .github/workflows/*.yml
	$(STATIC) go run $(LINTER) ./...
	@set -e; for dir in tools/browser tools/grafana tools/helm tools/image tools/s3 tools/terraform; do \
		(cd $$dir && $(STATIC) go run $(LINTER) --config ../../.golangci.yml ./...); \
	done
	cd tools/duckdb && $(STATIC) go run -exec 'env CGO_ENABLED=1' $(LINTER) --config ../../.golangci.yml ./...

.PHONY: examples
examples: build ## example configurations are formatted and valid
	@set -e; for f in example-configs/*.alloy; do build/alloy fmt -t $$f; build/alloy validate $$f; echo "ok $$f"; done

.PHONY: check-replaces
check-replaces: ## our replace block against the pinned Alloy's
	go run ./internal/distribution/replaces

.PHONY: check
check: lint examples check-replaces ## everything but the tests
	$(STATIC) go vet ./...
	go mod verify
