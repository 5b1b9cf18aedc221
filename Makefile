PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

# PyTorch, Keras and ONNX check results: they are installed for `make test-oracles`; Keras runs on PyTorch there.
# expecttest is what PyTorch's own sample inputs import. Playwright drives Chromium, where that is installed, to try pages.
# Jupyter's tools run the notebooks.
ORACLES := 'torch>=2.9' 'onnx>=1.23' 'expecttest>=0.3' 'keras>=3.13' 'playwright>=1.40' 'axe-playwright-python>=0.1.4' \
    'ipykernel>=6.29' 'jupytext>=1.16' 'nbconvert>=7.16'

# Test workers share the cores among themselves; BLAS threads on top of them would only queue up.
# Bytecode is written whatever the environment says: without it each worker, and each command that is tested, compiles all.
PYTEST = PYTHONDONTWRITEBYTECODE= OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 GRADSCRIBE_THOROUGH=$(THOROUGH) $(BIN)/python -m pytest -n auto --maxprocesses 8 --dist worksteal

# What `make test-all` tries more of.
THOROUGH := 0

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# Two installations into one environment at a time would damage it.
.NOTPARALLEL:
.PHONY: help demo notebooks test test-oracles test-all mutants bench bench-compare style lint format generate docs kernels katex messages pyodide playground clean

help: ## list these commands (default)
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.demo ## install, print a derivation and its kernel, write its page, train LeNet-5 on digits
	@echo "== A derivation: gradscribe derive conv2d --wrt w --width 100"
	@$(BIN)/gradscribe derive conv2d --wrt w --width 100
	@echo
	@echo "== What is generated for it: the last lines of conv2d_grad_weight in generated/conv2d.py"
	@sed -n '/^def conv2d_grad_weight/,/^    return/p' generated/conv2d.py | tail -11
	@echo
	@echo "== A page to look at: gradscribe page conv2d -o build/pages"
	@$(BIN)/gradscribe page conv2d -o build/pages
	@echo
	@echo "== Training with generated layers: python examples/lenet5.py --draw build/pictures"
	@$(BIN)/python examples/lenet5.py --draw build/pictures
	@echo
	@echo "Next: open build/pages/conv2d.html in a browser, look at build/pictures, or try"
	@echo "  .venv/bin/gradscribe derive 'conv2d -> tanh -> conv2d'   # a network"
	@echo "  .venv/bin/gradscribe page 'y[n,i] = sum(j) w[i,j] * sin(x[n,j]); weight w'   # an equation of your own"
	@echo "  .venv/bin/gradscribe list                                # what comes with it"

# A notebook's text is a Python file; jupytext makes a notebook of it and runs it.
NOTEBOOKS := $(patsubst examples/notebooks/%.py,build/notebooks/%.ipynb,$(wildcard examples/notebooks/*.py))
notebooks: $(NOTEBOOKS) ## install Jupyter's tools, run the notebooks of examples/notebooks, write them to build/notebooks
build/notebooks/%.ipynb: examples/notebooks/%.py $(VENV)/.notebooks
	@mkdir -p $(@D)
	$(call dotted,$@,$(BIN)/jupytext --quiet --to ipynb --execute --run-path examples/notebooks -o $@ $<)

test: style ## install, then ruff, types, a sample of the tests that need no PyTorch
	$(PYTEST) -m "not oracle"

test-oracles: $(VENV)/.oracles ## install PyTorch and ONNX, then compare every kernel with them
	$(PYTEST) -m oracle

# The tests compare generated/ with the equations, module by module on all cores: `generate --check` need not do so first.
test-all: THOROUGH := 1
test-all: style $(VENV)/.oracles ## both with every case, whether generated/ is fresh too: what CI runs
	$(PYTEST) -m "not oracle"
	$(PYTEST) -m oracle

mutants: $(VENV)/.mutants ## put 200 small faults into derive/ and codegen/, one at a time: how many do the tests notice
	$(BIN)/python -m tests.mutants record
	$(BIN)/python -m tests.mutants run

bench: $(VENV)/.bench ## install the peers, measure the kernels against them, write docs/benchmarks.md
	$(BIN)/python -m benchmarks run --publish

bench-compare: $(VENV)/.bench ## compare the last two runs of `make bench`; fails where a kernel has become slower
	$(BIN)/python -m benchmarks compare

style: $(VENV)/.dev ## ruff, mypy --strict
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

lint: style ## the same, and whether generated/ is fresh
	$(BIN)/gradscribe generate --check

format: $(VENV)/.dev ## sort imports, repair what ruff can, format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

generate: $(VENV)/.dev ## write generated/ anew from the equations
	$(BIN)/gradscribe generate

# The pages that docs/gallery.md leads to.
GALLERY := conv2d conv_transpose2d max_pool2d dense batch_norm softmax_cross_entropy scaled_dot_product_attention lstm_cell adam lenet5
docs: $(VENV)/.dev ## build the documentation site, docs/ and the gallery, into build/docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	$(BIN)/gradscribe page $(GALLERY) -o build/docs/gallery
	@echo "build/docs/index.html is the start; search needs a host: $(BIN)/python -m http.server -d build/docs"

kernels: $(VENV)/.demo ## compile what the catalogue needs at common sizes into the cache of this user (minutes)
	$(BIN)/gradscribe compile

# What pages need of KaTeX: its program, its look, the fonts that our formulas are set in, and its licence.
KATEX := 0.19.1
KATEX_FONTS := AMS-Regular Main-Regular Main-Bold Main-Italic Math-Italic Size1-Regular Size2-Regular Size3-Regular Size4-Regular Typewriter-Regular
katex: ## get KaTeX from npm's registry into templates/page/katex, when its version has changed here
	rm -rf build/katex && mkdir -p build/katex templates/page/katex/fonts
	cd build/katex && npm pack --silent katex@$(KATEX) && tar xzf katex-$(KATEX).tgz
	cp build/katex/package/LICENSE build/katex/package/dist/katex.min.js build/katex/package/dist/katex.min.css templates/page/katex/
	cp $(KATEX_FONTS:%=build/katex/package/dist/fonts/KaTeX_%.woff2) templates/page/katex/fonts/

# Sentences of derivations and pages, for translators: gradscribe/locale/LANGUAGE/LC_MESSAGES/gradscribe.po.
LOCALE := gradscribe/locale
messages: $(VENV)/.dev ## bring the catalogues of messages in gradscribe/locale up to date and compile them; LANG_NEW=de begins one
	@mkdir -p build
	$(BIN)/pybabel -q extract -F pyproject.toml --no-default-keywords -k say -k Message -k say_number:2,3 \
		--add-location=file --sort-by-file --no-wrap --project=gradscribe --version=0 \
		--copyright-holder='gradscribe contributors' --msgid-bugs-address='gradscribe contributors' -o build/messages.pot derive codegen templates/page templates/site templates/playground
	$(if $(LANG_NEW),$(BIN)/pybabel -q init -i build/messages.pot -d $(LOCALE) -D gradscribe -l $(LANG_NEW) --no-wrap)
	$(BIN)/pybabel -q update -i build/messages.pot -d $(LOCALE) -D gradscribe --no-wrap --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date
	$(BIN)/pybabel -q compile -d $(LOCALE) -D gradscribe

# What the playground needs of Python for browsers; pages that are served by `gradscribe serve` do without.
PYODIDE := 314.0.7
pyodide: build/pyodide/$(PYODIDE) ## get Python for browsers from npm's registry into build/pyodide
build/pyodide/$(PYODIDE):
	rm -rf build/pyodide && mkdir -p build/pyodide
	cd build/pyodide && npm pack --silent pyodide@$(PYODIDE) && tar xzf pyodide-$(PYODIDE).tgz --strip-components 1 && rm pyodide-$(PYODIDE).tgz
	@touch $@

playground: $(VENV)/.demo build/pyodide/$(PYODIDE) ## write the playground to build/playground and serve it at 127.0.0.1:8000
	$(BIN)/python -m gradscribe.codegen.tool.pages.playground build/pyodide build/playground
	@echo "Open http://127.0.0.1:8000"
	@$(BIN)/python -m http.server --bind 127.0.0.1 --directory build/playground 8000

clean: ## remove .venv, builds and caches
	rm -rf $(VENV) build dist .mutants .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# What takes a while shows that it goes on: a dot a second.
define dotted
	@printf '%s ' "$(1)"; ($(2)) > .dotted.log 2>&1 & pid=$$!; \
	while kill -0 $$pid 2> /dev/null; do printf '.'; sleep 1; done; echo; \
	wait $$pid || { cat .dotted.log; rm -f .dotted.log; exit 1; }; rm -f .dotted.log
endef

# The stamps: each is younger than the last change of what it installed.
$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.version_info < (3, 11) and sys.exit("gradscribe needs Python 3.11 or newer, $(PYTHON) is %d.%d; try: make PYTHON=python3.11" % sys.version_info[:2])'
	$(call dotted,Making $(VENV),$(PYTHON) -m venv --clear $(VENV))
	@touch $@

$(VENV)/.demo: pyproject.toml | $(VENV)/.created
	$(call dotted,Installing gradscribe[demo],$(PIP) -e '.[demo]')
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/.created
	$(call dotted,Installing gradscribe[dev],$(PIP) -e '.[dev]')
	@touch $@

$(VENV)/.oracles: Makefile $(VENV)/.dev
	$(call dotted,Installing PyTorch and others,$(PIP) $(ORACLES))
	@touch $@

$(VENV)/.notebooks: pyproject.toml | $(VENV)/.created
	$(call dotted,Installing gradscribe[notebooks],$(PIP) -e '.[notebooks]')
	@touch $@

$(VENV)/.mutants: $(VENV)/.dev
	$(call dotted,Installing gradscribe[mutants],$(PIP) -e '.[mutants]')
	@touch $@

$(VENV)/.bench: $(VENV)/.dev
	$(call dotted,Installing gradscribe[bench],$(PIP) -e '.[bench]')
	@touch $@
