# make report    everything from videos to the built book (CORPUS=demo unless said; open; folder ROOT=...; fcvid ROOT=...; yt8m; SPLIT=grouped)
# make recognise what is playing in a video (VIDEO=concert.mp4; a folder or an address, too)
# make test      lint and tests
# Each does all set-up itself: a virtual environment in .venv with the pinned packages of requirements.lock.

CORPUS ?= demo
ROOT ?=
BENCH ?= extraction
PYTHON ?= python3
BIN := .venv/bin
# What `make setup CUDA=1` installs beside the rest stays in .venv, so that it need not be said again.
STAMP := .venv/.installed$(if $(CUDA),-cuda)
LOCKS := requirements.lock $(if $(CUDA),requirements-cuda.lock)
# Folders are relative to where the user stands, which with make -C is not here. As variables of the shell names may
# have any characters, and with -P no file that lies there is taken for a module.
FROM := $(if $(findstring w,$(firstword -$(MAKEFLAGS))),$(or $(PWD),$(CURDIR)),$(CURDIR))
export FROM CORPUS ROOT SPLIT COOKIES VIDEO
# What is computed with: BACKEND=jax, PRECISION=mixed_bfloat16, DEVICES=2; with CUDA=1 on a GPU or not at all.
HARDWARE = $(if $(PRECISION),-p "precision=$(PRECISION)") $(if $(DEVICES),-p "num_devices=$(DEVICES)") $(if $(CUDA),--cuda)
ifdef BACKEND
export KERAS_BACKEND = $(BACKEND)
endif
# Else each of a dozen processes would compile some three thousand modules anew.
unexport PYTHONDONTWRITEBYTECODE
# Two processes can share a GPU if each takes memory as it needs it.
export TF_FORCE_GPU_ALLOW_GROWTH ?= true
export XLA_PYTHON_CLIENT_PREALLOCATE ?= false
INSTREC = cd "$$FROM" && "$(CURDIR)/$(BIN)/python" -P -m instrec_utils
# The tools' own messages about the processor are noise in a progress display.
export TF_CPP_MIN_LOG_LEVEL ?= 3
export PYTHONUNBUFFERED = 1

.PHONY: help setup recognise app report pages tables publish front release verify records bench curation download kit validate test book one-page lint lab sync lock clean

help:
	@sed -n 's/^# //p; /^$$/q' Makefile
	@sed -n 's/^#- //p' Makefile

#- also:
#- make app       a page, on this machine alone, to drop a video on (PORT=8765)
#- make setup     the environment alone; with CUDA=1 also what NVIDIA GPUs take
#- make pages     the pages anew from the published results, nothing trained (CORPUS=demo or open)
#- make tables    the models and seeds of Tables 2 to 4 that params/tables/ lists (CORPUS=... ROOT=... as for a report; SCHEDULER=address GPUS=1)
#- make publish   copies a corpus' results, pages and media into the tracked folders; no report, table or notebook does (CORPUS=...)
#- make front     the parts of the first pages that depend on published results: table, verdict, clips, comparison
#- make verify    whether the published results, and the pages about open, follow from the predictions, in a minute or two
#- make records   the pages of all runs, of status and of costs, and the checksums; make publish does it too
#- make release   weights, embeddings and results of a corpus as one archive (CORPUS=...)
#- make curation  the paper's Table 1, the splits and the chapter on its data
#- make download  the paper's YouTube-8M videos (LIMIT=... COOKIES=... WORKERS=...)
#- make kit       a page that asks people what they recognise, as a folder to hand out (CORPUS=...)
#- make validate  looks at every video of a corpus, before a report or after it (CORPUS=... ROOT=...)
#- make bench     ratios and limits, measured (BENCH=extraction, training, accelerator, jpeg, curation, paper_rows, extraction_page, paper_rows_page; of the recogniser, recognise, train_ears, train_heads, elsewhere, elsewhere_page)
#- make book      the book from the pages that are there
#- make one-page  the same as one page, to print or to keep as PDF
#- make lint      style, floors and types
#- make lab       JupyterLab on the notebooks
#- make sync      pairs the notebooks
#- make lock      renews the pins
#- make clean     removes data, runs and the built book

setup: $(STAMP)

$(STAMP): $(LOCKS) pyproject.toml
	@"$(PYTHON)" -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 11) <= v[:2] < (3, 14) else "instrec needs Python 3.11 to 3.13, but $(PYTHON) is %d.%d; say make PYTHON=/path/to/python" % v[:2])'
	@echo "setting up .venv (about 2.6 GB, a minute or two$(if $(CUDA),; CUDA adds some GB))"
	@test -x $(BIN)/python || "$(PYTHON)" -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.9"
	@$(BIN)/uv pip install --python $(BIN)/python --quiet $(LOCKS:%=--requirement %)
	@$(BIN)/uv pip install --python $(BIN)/python --quiet --no-deps --editable .
	@touch .venv/.installed $@

report: $(STAMP)
	@$(INSTREC) report --corpus "$$CORPUS" --root "$$ROOT" $(if $(SPLIT),-p "split=$$SPLIT") $(HARDWARE)

recognise: $(STAMP)
	@$(INSTREC) recognise -- "$$VIDEO"

app: $(STAMP)
	@$(INSTREC) app $(if $(PORT),--port "$(PORT)")

pages: $(STAMP)
	@$(INSTREC) pages --corpus "$$CORPUS"

tables: $(STAMP)
	@$(INSTREC) tables --corpus "$$CORPUS" --root "$$ROOT" $(if $(SPLIT),-p "split=$$SPLIT") $(if $(SCHEDULER),--scheduler "$(SCHEDULER)") $(if $(GPUS),--gpus "$(GPUS)") $(HARDWARE)

publish: $(STAMP)
	@$(INSTREC) publish --corpus "$$CORPUS"

front: $(STAMP)
	@$(INSTREC) front

verify: $(STAMP)
	@$(INSTREC) verify

records: $(STAMP)
	@$(INSTREC) records

release: $(STAMP)
	@$(INSTREC) release --corpus "$$CORPUS"

curation: $(STAMP)
	@$(INSTREC) curation

download: $(STAMP)
	@$(INSTREC) download $(if $(LIMIT),--limit "$(LIMIT)") $(if $(COOKIES),--cookies "$$COOKIES") $(if $(WORKERS),--workers "$(WORKERS)")

kit: $(STAMP)
	@$(INSTREC) kit --corpus "$$CORPUS"

validate: $(STAMP)
	@$(INSTREC) validate "$$CORPUS" --root "$$ROOT" $(if $(SPLIT),-p "split=$$SPLIT")

test: lint
	@$(BIN)/python -m pytest --numprocesses auto --dist loadfile

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/mypy

lab: $(STAMP)
	@INSTREC_HOME="$(CURDIR)" $(BIN)/jupyter lab --ServerApp.root_dir="$(CURDIR)" --LabApp.default_url=/lab/tree/notebooks $(if $(filter 0,$(shell id -u)),--allow-root)

bench: $(STAMP)
	@$(BIN)/python benchmarks/$(BENCH).py

book: $(STAMP)
	@$(BIN)/jupyter-book build -W -n --keep-going book/

one-page: $(STAMP)
	@$(BIN)/jupyter-book build -W -n --keep-going --builder singlehtml book/

sync: $(STAMP)
	@$(BIN)/jupytext --sync notebooks/*.py

COMPILE = $(BIN)/uv pip compile pyproject.toml --extra open --extra lab --extra app --group dev --universal --python-version 3.11 --generate-hashes \
	--fork-strategy fewest --no-annotate --no-emit-index-url --custom-compile-command "make lock" --quiet

lock:
	@$(COMPILE) --upgrade -o requirements.lock
	@$(COMPILE) --extra cuda --constraint requirements.lock --upgrade -o requirements-cuda.lock \
		$$(sed -n 's/^\([a-z0-9._-]*\)==.*/--no-emit-package \1/p' requirements.lock)

clean:
	rm -rf _build runs data
