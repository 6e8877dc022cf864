# Two commands matter: `make run` and `make test`. Needs Python 3.11, Node 20 with npm; for the tests also Debian's chromium (installed when root).
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
WEB := hmi_web
HTTP ?= 127.0.0.1:8800
DATA ?= data

.PHONY: run build chromium test lint unit contract e2e faults browser architecture bench web install generate lock clean coverage

run: install web
	$(BIN)/mla up --demo --data $(DATA) --http $(HTTP)

install: $(VENV)/.installed
$(VENV)/.installed: requirements/dev.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed: set PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

# The HMI is built once and again whenever its sources change.
WEB_SOURCES := $(shell find $(WEB)/src $(WEB)/public -type f 2>/dev/null) $(WEB)/index.html $(WEB)/package.json $(WEB)/vite.config.ts
build: web
web: hmi_backend/static/index.html
hmi_backend/static/index.html: $(WEB)/node_modules/.installed $(WEB_SOURCES)
	cd $(WEB) && npm run --silent build
	rm -rf hmi_backend/static && cp -r $(WEB)/dist hmi_backend/static
	touch $@
$(WEB)/node_modules/.installed: $(WEB)/package-lock.json
	@command -v npm >/dev/null || { echo "Node 20 with npm is needed to build the web HMI"; exit 1; }
	cd $(WEB) && npm ci --silent --no-fund --no-audit
	touch $@

tests/peers/node_modules/.installed: tests/peers/package-lock.json
	cd tests/peers && npm ci --silent --no-fund --no-audit
	touch $@

chromium:
	@command -v chromium >/dev/null || { apt-get update -q && apt-get install -y -q --no-install-recommends chromium fonts-liberation; }

test: install web tests/peers/node_modules/.installed chromium lint
	rm -rf .coverage*
	$(BIN)/python -m coverage run -m pytest
	@$(BIN)/python -m coverage combine -q && $(BIN)/python -m coverage report > artefacts/coverage.txt && tail -n 1 artefacts/coverage.txt

lint: install $(WEB)/node_modules/.installed
	mkdir -p artefacts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m schemas.generate --check
	$(BIN)/python -m deploy.dashboards --check
	cd $(WEB) && npm run --silent check && npm run --silent lint && npm test --silent

unit: install
	$(BIN)/pytest tests/unit tests/property tests/architecture
contract: install
	$(BIN)/pytest tests/contract
e2e: install web tests/peers/node_modules/.installed
	$(BIN)/pytest tests/e2e
faults: install web tests/peers/node_modules/.installed
	$(BIN)/pytest tests/faults
	@cat artefacts/faults.md
browser: install web chromium
	$(BIN)/pytest tests/browser
bench: install tests/peers/node_modules/.installed
	for name in ingest catchup growth opcua archive query fanout startup; do $(BIN)/mla bench $$name --json || exit 1; done

generate: install
	$(BIN)/python -m schemas.generate

LOCK := $(BIN)/uv pip compile -q --generate-hashes --no-strip-extras --no-emit-index-url --no-emit-find-links --no-annotate --no-header --python-version 3.11
lock: install
	$(LOCK) pyproject.toml -o requirements/run.txt
	$(LOCK) --extra dev pyproject.toml -o requirements/dev.txt

clean:
	rm -rf $(VENV) $(WEB)/node_modules $(WEB)/dist hmi_backend/static tests/peers/node_modules artefacts build dist
