# Front door. Everything is built by CMake (CMakePresets.json) under build/; this file has one line a verb.
SHELL := /bin/sh
# The programs that `make setup` installed come before others of their names: a version manager's python3, for one, is a shell
# script that takes longer than most of our checks.
export PATH := /usr/bin:$(PATH)
JOBS ?= $(shell nproc)
BUILD = cmake --build build/$(1) -j $(JOBS)
CONFIGURE = test -f build/$(1)/build.ninja || cmake --preset $(1) >build/setup/configure-$(1).log 2>&1 || \
    { cat build/setup/configure-$(1).log; exit 1; }

.PHONY: help setup host fw twin demo test test-long quick cuts bench fuzz gateway-fuzz gateway-soak esp32-soak recover flash pictures size format lint docs cube-pack esp-component arduino-zip release clean

help: ## list the verbs
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r verb text; do \
	    printf '  make %-12s %s\n' "$$verb" "$$text"; done

demo: fw ## the whole story: S3, signed release, update of the running twin, rollback of a bad one
	@build/host/demo/fota-demo

test: setup ## checks, unit tests, firmware, twin, sanitizers (11 min; 4 more the first time, to build)
	@tools/test.sh all

test-long: setup ## what CI runs after that: clang, slow tests under ASan, other people's hosts at both speeds of flash, two builds with the same bytes, boot tests and cuts on each board (15 min)
	@tools/test.sh long

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

cuts: fw ## never brick, shown: every power cut, planted bugs, instruction faults; table and build/cuts.json (20 min)
	@tools/cuts.sh

gateway-fuzz: host ## ten million fuzzed statements, state files and replies for the gateway; build/gateway-fuzz.json (RUNS=n)
	@tests/fuzz/gateway.sh build/host/tests/fuzz tests/fuzz/corpus build/gateway-fuzz.json $(or $(RUNS),10000000)

pictures: host ## draw the pictures of the local page anew (docs/pictures), in headless Chromium
	@PAGE_RIG=build/host/tests/page/page_rig tests/page/pictures.py docs/pictures

gateway-soak: fw ## hundreds of updates through bad networks, kills and power cuts of gateway and target; build/gateway.json (20 min)
	@build/host/tests/soak/fota-gateway-soak --json build/gateway.json

esp32-soak: fw ## the ESP32 port through bad networks, bad wires, ends and power cuts, and its times; build/esp32.json (15 min)
	@tools/esp32_size.py build/esp32
	@build/host/tests/esp32/soak/fota-esp32-soak --sizes build/esp32/esp32_size.json --json build/esp32.json

recover: fw ## thousands of boards, each cut or reset somewhere in its recovery or update, all of them rebuilt or updated (5 min)
	@tools/recover.sh

flash: $(if $(filter 1,$(DRY)),,fw) ## put root, loader and demo onto a Discovery board with OpenOCD; DRY=1 only prints the commands
	@tools/flash.sh

size: fw ## flash, RAM and stack of the firmware against bootloader/budget.json; code and RAM of the gateway's core for rv32imc
	@tools/sizes.py --print build/f407
	@tools/core_size.py build/core
	@tools/esp32_size.py build/esp32

format: setup ## let clang-format lay out every C file
	@git ls-files '*.c' '*.h' | xargs clang-format -i

lint: host ## clang-tidy with the short list in .clang-tidy
	@tools/lint.sh

docs: setup ## API reference of the public headers by Doxygen: build/docs/api/html/index.html
	@tools/docs.sh

cube-pack: fw ## ZIP for STM32CubeIDE and CubeMX projects: sources, linker scripts, post-build step (build/cube-pack/)
	@tools/cube_pack.py build/f407 build/cube-pack

esp-component: ## the gateway as a component for ESP-IDF: build/esp-component/fota_gateway
	@tools/esp_component.py component build/esp-component

arduino-zip: ## the gateway as an Arduino library for ESP32 boards: build/arduino/FotaGateway.zip
	@tools/esp_component.py arduino build/arduino

release: setup ## build/release/: signed firmware, fota, cube pack, SBOM, SHA-256 list (KEYS=dir of your keys, COUNTER=n)
	@tools/release.py --keys $(or $(KEYS),build/keys) --counter $(or $(COUNTER),1)

clean: ## remove everything that was built (packages stay)
	@rm -rf build/host build/asan build/clang build/f407 build/cube-pack build/release build/release-work
