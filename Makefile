# The commands of this project. Each does its own set-up, once: see .ci/with.
#
#   make demo       set up, profile the example program, say where the report is
#   make test       set up (a browser included), run the tests that end in minutes
#   make coverage   the unit and contract tests again, and which lines and branches they reach
#   make test-all   also the slow ones, and the test suite on every Python found here
#   make fuzz       search for inputs that break readers, settings or the engine, for FUZZ_SECONDS (20 minutes)
#   make lint       ruff, mypy, import-linter
#   make bench      overhead and accuracy against other profilers, as two tables
#   make docs       the documentation as a site, in build/site
#   make reference  the parts of the documentation that come from the code
#   make screenshots  the pictures of docs/gallery.md
#   make clean      remove everything that these made
#
# make ... PYTHON=/path/to/python names the interpreter (3.11 or newer), VENV=folder the
# environment, JOBS=N how many tests run side by side, PYTEST_OPTIONS='...' goes to pytest.

.POSIX:

VENV ?= .venv
JOBS ?= 3
FUZZ_SECONDS ?= 1200
PYTEST = pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(PYTEST_OPTIONS)
WITH = sh .ci/with

help:
	@sed -n '3,13s/^#  *//p' Makefile

demo:
	@$(WITH) whet whet run --full fixtures/targets/orders.py
	@echo "The report is $$(pwd)/whet-report.html: open it in a browser."

test:
	@$(WITH) test sh .ci/browser
	$(WITH) test $(PYTEST) -m "not slow"

coverage:
	$(WITH) test $(PYTEST) -m "not slow" --cov --cov-report=term:skip-covered tests/unit tests/contract

test-all:
	@$(WITH) test sh .ci/browser
	$(WITH) test $(PYTEST)
	$(WITH) nox nox

fuzz:
	$(WITH) test pytest tests/fuzz -n 0 --fuzz-seconds $(FUZZ_SECONDS) $(PYTEST_OPTIONS)

lint:
	$(WITH) lint ruff check .
	$(WITH) lint ruff format --check .
	$(WITH) lint mypy
	$(WITH) lint lint-imports --no-cache

bench:
	$(WITH) bench python benchmarks/overhead.py
	$(WITH) bench python benchmarks/accuracy.py

docs: reference
	$(WITH) docs zensical build --strict --clean
	@rm -f build/site/*.py # the scripts of docs/ are no pages
	@echo "The site is $$(pwd)/build/site: open index.html; the search needs a server (python3 -m http.server -d build/site)."

reference:
	@$(WITH) docs python docs/generate.py

screenshots:
	@$(WITH) test sh .ci/browser
	$(WITH) test python docs/screenshots.py

clean:
	rm -rf "$(VENV)" .nox .whet .cache whet-report.html dist build
	rm -rf .coverage .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find src rules templates tests benchmarks fixtures -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help demo test coverage test-all fuzz lint bench docs reference screenshots clean
