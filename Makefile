# make demo    sets up, compiles a small GPT into a plan and trains it
# make test    sets up and passes the tests
# make sanitize  runs the tests of faults: AddressSanitizer, UBSan, ThreadSanitizer
# make fuzz      feeds the tools files that are slightly wrong (MUTANTS=1000 SEED=7)
# make         builds into build/bin

.PHONY: build demo test sanitize fuzz bench docs clean

build:
	@scripts/setup.sh demo

demo: build
	@scripts/demo.sh $(TEXT)

test:
	@scripts/setup.sh test
	@scripts/test.sh

sanitize:
	@scripts/setup.sh test
	@scripts/sanitize.sh address
	@scripts/sanitize.sh thread
	@scripts/sanitize.sh compiler

fuzz:
	@scripts/setup.sh test
	@build/venv/bin/python test/Fuzz/fuzz.py --count=$(or $(MUTANTS),200) --seed=$(or $(SEED),0) --keep build/mutants

bench:
	@scripts/setup.sh test
	@build/venv/bin/python bench/train.py

docs: build
	@scripts/docs.sh

clean:
	rm -rf build
