# make demo    sets up, compiles a small GPT into a plan and trains it
# make test    sets up and passes the tests
# make         builds into build/bin

.PHONY: build demo test bench docs clean

build:
	@scripts/setup.sh demo

demo: build
	@scripts/demo.sh $(TEXT)

test:
	@scripts/setup.sh test
	@scripts/test.sh

bench:
	@scripts/setup.sh test
	@build/venv/bin/python bench/train.py

docs: build
	@scripts/docs.sh

clean:
	rm -rf build
