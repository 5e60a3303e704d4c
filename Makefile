# The commands for developers; .ci/run uses the same. Everything that make
# installs is hash-pinned in requirements/ and stays inside .venv and build/.

PYTHON ?= python3
TOOL_PYTHON ?= $(PYTHON)
ARGS ?=

FUZZ_S ?= 60

VENV := .venv
BIN := $(VENV)/bin
NODE := tests/interop

# "yes" if .venv is missing, incomplete, or was copied here from another folder,
# to which its scripts and its editable install would point.
BROKEN := $(shell [ "`cat $(VENV)/complete-in 2>/dev/null`" = "`pwd -P`" ] || echo yes)

# Settings of the caller that would install elsewhere, reject our own project, or
# use packages from outside .venv. Settings of mirrors and proxies are honoured.
unexport PIP_CONSTRAINT PIP_DRY_RUN PIP_NO_BINARY PIP_PREFIX PIP_REQUIRE_HASHES PIP_ROOT PIP_TARGET
unexport PYTHONHOME PYTHONPATH
export PIP_USER := 0
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run test test-lowest test-crt unit test-providers compare-mint fuzz lint types audit workflows e2e format prove prove-long \
	prove-mutants bench completions package dist-check image deploy destroy emulators environments lock upgrade clean coverage FORCE

help: ## list these targets
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1	/p' Makefile | while IFS='	' read -r name does; do printf '  make %-14s %s\n' "$$name" "$$does"; done

run: $(VENV)/run.stamp ## the whole job on this machine: rotator demo (ARGS=--serve keeps the servers up)
	@$(BIN)/rotator demo $(ARGS)

test: $(VENV)/dev.stamp ## all tests but those of e2e, dist-check and test-providers (ARGS=... goes to pytest)
	@$(BIN)/python -m pytest $(ARGS)

unit: $(VENV)/dev.stamp ## the inner loop: unit tests and the rules of the repository, in seconds
	@$(BIN)/python -m pytest -q tests/unit tests/repo $(ARGS)

# Without tests that count live objects (the tracer keeps some alive), that fork while threads run (a
# child may inherit the tracer's lock), that run commands as processes (the tracer doesn't see them),
# or that repeat something ten thousand times.
coverage: $(VENV)/dev.stamp $(VENV)/coverage.stamp ## the branches that unit and integration tests take, against a floor
	@mkdir -p build; $(BIN)/python -m coverage run -m pytest -q -p no:cacheprovider tests/unit tests/integration -m 'not untraced' $(ARGS)
	@$(BIN)/python -m coverage report

test-providers: $(VENV)/providers.stamp $(NODE)/node_modules ## tests against other projects' servers and SDKs (needs Node)
	@$(BIN)/python -m pytest tests/interop $(ARGS)

compare-mint: $(VENV)/compare.stamp ## wrong responses against other OAuth clients: the table in docs/hostile-answers.md
	@$(BIN)/python -m tests.interop.compare_mint $(ARGS)

# Without a stamp, so that the rest works on platforms that have no wheel of atheris.
fuzz: $(VENV)/dev.stamp ## fuzz the parsers of responses, for a minute (FUZZ_S=600)
	@if $(BIN)/python -m pip install -qq --only-binary :all: --require-hashes -r requirements/fuzz.txt; then \
		$(BIN)/python -m tests.evidence.fuzz $(FUZZ_S); \
	else echo '*** NOT FUZZED: there is no atheris for this platform and this Python ***'; fi

lint: $(VENV)/lint.stamp ## style, formatting, types, the templates and the manifests
	@echo 'ruff check'; $(BIN)/ruff check .
	@echo 'ruff format --check'; $(BIN)/ruff format --check .
	@echo 'mypy'; $(BIN)/mypy
	@echo 'cfn-lint'; $(BIN)/cfn-lint -t infra/*.yaml
	@echo 'our own rules'; $(BIN)/python -m pytest -q tests/repo/test_template.py tests/repo/test_schedulers.py tests/repo/test_architecture.py
	@$(MAKE) --no-print-directory audit workflows

audit: $(VENV)/dev.stamp build/audit/complete ## checkov on the templates, schemas on the manifests, offline
	@build/audit/bin/checkov -d infra --framework cloudformation --compact --quiet --skip-download
	@echo 'python-hcl2'; $(BIN)/python -m pytest -q -rs tests/repo/test_terraform.py
	@build/audit/bin/hadolint infra/container/Containerfile
	@build/audit/bin/kubernetes-validate --strict --quiet -k 1.33 infra/kubernetes/rotator.yaml

workflows: build/workflows/complete ## the forge's workflows: their schemas and their security, offline
	@build/workflows/bin/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@build/workflows/bin/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	@build/workflows/bin/zizmor --quiet --offline --strict-collection --persona pedantic .github

e2e: $(VENV)/dev.stamp emulators ## run the package, the template and the schedulers (minutes)
	@$(BIN)/python -m pytest tests/deployed $(ARGS)

types: $(VENV)/types.stamp ## the types that callers of the reader see, by mypy and by pyright
	@echo 'mypy'; $(BIN)/mypy --cache-dir .mypy_cache/callers tests/typing
	@echo 'pyright'; $(BIN)/basedpyright --pythonpath $(BIN)/python --project tests/typing

format: $(VENV)/dev.stamp ## format the code, and fix what can be fixed safely
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .

prove: $(VENV)/dev.stamp ## the promises under faults, kills, races and time (ARGS=--help)
	@$(BIN)/python -m tests.evidence $(ARGS)

prove-long: ## the same with several times as many cases, for about an hour
	@$(MAKE) --no-print-directory prove ARGS='--long $(ARGS)'

prove-mutants: $(VENV)/dev.stamp ## break the code on purpose, one line at a time: a test must fail for each
	@$(BIN)/python -m tests.evidence.mutants $(ARGS)

bench: $(VENV)/bench.stamp emulators build/runtime/complete ## the benchmarks, as ratios: a report (ARGS=reader: one suite, ARGS=--strict: fail)
	@$(BIN)/python -m tests.benchmarks $(ARGS)

completions: build/completions/complete ## completion scripts and manual page, in data/
	@PYTHONPATH=. build/completions/bin/python -m infra.completions

package: $(VENV)/run.stamp ## the function's zips, in dist/ (ARGS="--arch arm64")
	@$(BIN)/python -m infra.package $(ARGS)

# The tools are in another environment, because .venv has no pipx and no uv.
dist-check: $(VENV)/dev.stamp build/dist/complete ## wheel and sdist, installed by pip, pipx and uv on every Python here
	@$(BIN)/python -m pytest tests/installed $(ARGS)

image: $(VENV)/dev.stamp ## the container image, built from Debian's packages and run (needs buildah, mmdebstrap, root)
	@$(BIN)/python -m pytest -rs tests/deployed/test_image.py $(ARGS)

deploy: $(VENV)/run.stamp ## the stack on AWS, change set first (ARGS="--bucket NAME")
	@$(BIN)/python -m infra.deploy up $(ARGS)

destroy: $(VENV)/run.stamp ## delete the stack (ARGS="--stack NAME")
	@$(BIN)/python -m infra.deploy down $(ARGS)

lock: $(VENV)/lock.stamp ## bring requirements/ in line with pyproject.toml
	@$(call compile,runtime,pyproject.toml)
	@$(call compile,build,--group build)
	@$(call compile,run,pyproject.toml --extra demo --group build -c requirements/runtime.txt)
	@$(call compile,dev,pyproject.toml --extra demo --group build --group dev -c requirements/run.txt)
	@$(call compile,lowest,pyproject.toml --extra demo --group build --group dev --resolution lowest-direct)
	@$(call compile,crt,pyproject.toml --extra crt --extra demo --group build --group dev -c requirements/dev.txt)
	@$(call compile,providers,pyproject.toml --extra demo --group build --group dev --group providers -c requirements/dev.txt)
	@$(call compile,compare,pyproject.toml --extra demo --group build --group dev --group compare -c requirements/dev.txt)
	@$(call compile,fuzz,--group fuzz)
	@$(call compile,coverage,--group coverage)
	@$(call compile,types,pyproject.toml --extra demo --group build --group dev --group types -c requirements/dev.txt)
	@$(call compile,bench,pyproject.toml --extra demo --group build --group dev --group bench -c requirements/dev.txt)
	@$(call compile,lint,pyproject.toml --extra demo --group build --group dev --group lint -c requirements/dev.txt)
	@$(call compile,e2e,--group e2e)
	@$(call compile,audit,--group audit)
	@$(call compile,completions,--group completions)
	@$(call compile,workflows,--group workflows)
	@$(call compile,dist,--group dist)
	@$(call compile,lock,--group build --group lock)

upgrade: ## the same, with the newest versions that pyproject.toml allows
	@$(MAKE) --no-print-directory lock ARGS=--upgrade

clean: ## remove everything that make has created
	rm -rf $(VENV) $(NODE)/node_modules build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find rotator tests -name __pycache__ -prune -exec rm -rf {} +

# $(call compile,NAME,SOURCES): the lock for every platform and every Python we support.
compile = echo 'requirements/$(1).txt'; $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-build --custom-compile-command 'make lock' $(ARGS) -o requirements/$(1).txt $(2)

# After an interruption, make creates .venv again, because pip takes a half-copied
# package for an installed one. So the mark of a complete .venv is removed while
# anything is being installed.
$(VENV)/%.stamp: requirements/%.txt pyproject.toml $(if $(BROKEN),FORCE)
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("make: rotator needs Python 3.11 or newer and $(PYTHON) is %d.%d: try make PYTHON=python3.12" % sys.version_info[:2])'
	@$(PYTHON) infra/locked.py $(MAKE) --no-print-directory set-up-$*

# Under the lock: a make that waited for another one finds the work done.
set-up-%:
	@set -e; stamp=$(VENV)/$*.stamp; lock=requirements/$*.txt; \
	if [ "`cat $(VENV)/complete-in 2>/dev/null`" != "`pwd -P`" ]; then rm -rf $(VENV); fi; \
	if [ -e $$stamp ] && [ ! $$lock -nt $$stamp ] && [ ! pyproject.toml -nt $$stamp ]; then exit 0; fi; \
	if [ -d $(VENV) ]; then echo "bringing $(VENV) in line with $$lock"; else \
		echo 'setting up $(VENV) (about a minute, once)'; $(PYTHON) -m venv $(VENV); fi; \
	rm -f $(VENV)/complete-in; \
	$(BIN)/python -m pip install -qq --only-binary :all: --require-hashes -r $$lock; \
	$(BIN)/python -m pip install -qq --no-deps --no-build-isolation -e .; \
	pwd -P > $(VENV)/complete-in; \
	touch $$stamp

# npm's own settings are in $(NODE)/.npmrc; the lock names no registry, so that a mirror works.
$(NODE)/node_modules: $(NODE)/package-lock.json $(NODE)/package.json
	@if command -v npm >/dev/null; then cd $(NODE) && npm ci --silent && touch node_modules; \
	else echo '*** NOT TESTED against oidc-provider, nor the reader in Node: there is no npm here ***'; fi

# Without the function's Python, the tests that need the emulators are skipped.
emulators: $(VENV)/run.stamp
	@if python=`$(BIN)/python -m infra.interpreters`; then \
		$(MAKE) --no-print-directory build/e2e/complete TOOL_PYTHON="$$python"; fi

# Tools that can't share .venv: each lock has its own environment.
build/%/complete: requirements/%.txt
	@rm -rf build/$*
	@echo 'setting up build/$* (once)'; $(TOOL_PYTHON) -m venv build/$*
	@build/$*/bin/python -m pip install -qq --only-binary :all: --require-hashes -r $<
	@touch $@

# Editable, because tests run the commands as processes.
build/lowest/installed build/crt/installed: build/%/installed: build/%/complete pyproject.toml
	@build/$*/bin/python -m pip install -qq --no-deps --no-build-isolation -e .
	@touch $@

build/lowest/complete: TOOL_PYTHON = $(shell command -v python3.11 || echo $(PYTHON))

test-lowest: build/lowest/installed ## unit and integration tests at the oldest versions that pyproject.toml allows
	@build/lowest/bin/python -m pytest -p no:cacheprovider tests/unit tests/integration $(ARGS)

test-crt: build/crt/installed ## the sessions of `aws login`, which need the extra crt; here a skipped test fails
	@build/crt/bin/python -m pytest -p no:cacheprovider -p tests.support.no_skips \
		tests/integration/aws/test_credential_chain.py -k 'login and not without' $(ARGS)

# Installed one after the other (.NOTPARALLEL), so that targets can run in parallel afterwards.
environments: $(VENV)/lint.stamp $(VENV)/types.stamp $(VENV)/coverage.stamp $(VENV)/providers.stamp $(VENV)/dev.stamp $(NODE)/node_modules \
	emulators build/audit/complete build/workflows/complete build/dist/complete build/lowest/installed build/crt/installed ## all that .ci/run's targets install

FORCE:
