# What one does with the course, one word each; `make` alone lists it.

PYTHON ?= python3
COURSEKIT := .venv/bin/coursekit
UV = $(or $(wildcard .venv/bin/uv),uv)
LOCK = $(UV) pip compile --no-config --quiet --universal --python-version 3.11 \
	--fork-strategy fewest --generate-hashes --no-emit-index-url \
	--no-emit-find-links --custom-compile-command "make lock" $(UPGRADE) pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help lab doctor test portability bench build verify timings lock clean core tools

help: # no target of this list needs anything but Python and make
	@echo "make lab           open the course in JupyterLab (the first time: builds .venv)"
	@echo "make doctor        is this machine ready for the course?"
	@echo "make test          test everything that the course claims"
	@echo "make portability   are the stored outputs the same on other processors? (long)"
	@echo "make bench         the grader beside nbgrader and otter (long; fetches otter)"
	@echo "make build NN=01   run and tidy a chapter, generate its exercises"
	@echo "make verify        say what is stale, without running anything"
	@echo "make timings       seconds and memory of each lesson"
	@echo "make lock          renew the locks after a change of pyproject.toml;"
	@echo "                   with UPGRADE=--upgrade move to the newest versions"
	@echo "make clean         remove .venv"

lab: core # the doctor comes once per environment, so that a second start takes seconds
	@[ .venv/doctor-said-ready -nt .venv/coursekit-stamp.json ] || \
		{ $(COURSEKIT) doctor && touch .venv/doctor-said-ready; }
	@$(COURSEKIT) lab

doctor verify timings: core
	@$(COURSEKIT) $@

build: core
	@$(COURSEKIT) build $(NN)

test: tools
	@$(COURSEKIT) test

portability: core
	@$(COURSEKIT) test --portability

bench: tools
	@.venv/bin/python -m bench $(ARGS)

lock:
	@command -v $(UV) >/dev/null || \
		{ echo "make lock needs uv: run 'make test' once, which installs it"; exit 1; }
	@$(LOCK) --output-file requirements.lock
	@$(LOCK) --extra dev --constraint requirements.lock --output-file requirements-dev.lock
	@$(LOCK:pyproject.toml=bench/otter.in) --output-file bench/otter.lock

clean:
	rm -rf .venv

core tools:
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON) on PATH: install" \
		"Python 3.11 or name one, as in: make lab PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) coursekit/bootstrap.py $(if $(filter tools,$@),--dev)
