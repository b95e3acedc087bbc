# Front door. Everything is built by CMake (CMakePresets.json) under build/; this file has one line a verb.
SHELL := /bin/sh
JOBS ?= $(shell nproc)
BUILD = cmake --build build/$(1) -j $(JOBS)
CONFIGURE = test -f build/$(1)/build.ninja || cmake --preset $(1) >build/setup/configure-$(1).log 2>&1 || \
    { cat build/setup/configure-$(1).log; exit 1; }

.PHONY: help setup host fw twin demo test quick cuts bench fuzz recover flash size format lint docs release clean

help: ## list the verbs
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r verb text; do \
	    printf '  make %-8s %s\n' "$$verb" "$$text"; done

demo: fw ## the whole story: S3, signed release, update of the running twin, rollback of a bad one
	@build/host/demo/fota-demo

test: setup ## everything CI runs: checks, unit tests, firmware, twin, sanitizers
	@tools/test.sh all

quick: setup ## the checks and tests that take less than a minute
	@tools/test.sh quick

setup: ## install what is missing (Debian packages, BearSSL source, ST's headers); says what and why
	@tools/setup.sh

host: setup ## build the fota command, the gateway, the twin and the tests for this machine
	@$(call CONFIGURE,host)
	@$(call BUILD,host)

fw: host ## build root, loader and demo applications for the STM32F407, print sizes against the budget
	@$(call CONFIGURE,f407)
	@$(call BUILD,f407)

twin: fw ## build the twin's command line (build/host/twin/twin --help)

bench: fw ## measure update, boot and twin; table and build/bench.json
	@build/host/bench/fota-bench

fuzz: host ## ten million fuzzed frames against each loader, side by side (FRAMES=n SEED=n change that)
	@tests/fuzz/run.sh build/host/tests/fuzz tests/fuzz/corpus $(or $(FRAMES),10000000) $(or $(SEED),0)

cuts: fw ## never brick, shown: every power cut, planted bugs, instruction faults; table and build/cuts.json (15 min)
	@tools/cuts.sh

recover: fw ## thousands of boards, each cut or reset somewhere in its recovery or update, all of them rebuilt or updated (5 min)
	@tools/recover.sh

flash: $(if $(filter 1,$(DRY)),,fw) ## put root, loader and demo onto a Discovery board with OpenOCD; DRY=1 only prints the commands
	@tools/flash.sh

size: fw ## flash, RAM and stack of the firmware against bootloader/budget.json; code and RAM of the gateway's core for rv32imc
	@tools/sizes.py --print build/f407
	@tools/core_size.py build/core

format: setup ## let clang-format lay out every C file
	@git ls-files '*.c' '*.h' | xargs clang-format -i

lint: host ## clang-tidy with the short list in .clang-tidy
	@tools/lint.sh

docs: setup ## API reference of the public headers by Doxygen: build/docs/api/html/index.html
	@tools/docs.sh

release: setup ## build/release/: signed firmware, fota, SBOM, SHA-256 list (KEYS=dir of your keys, COUNTER=n)
	@tools/release.py --keys $(or $(KEYS),build/keys) --counter $(or $(COUNTER),1)

clean: ## remove everything that was built (packages stay)
	@rm -rf build/host build/asan build/clang build/f407 build/release build/release-work
