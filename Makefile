# Two commands for a newcomer on Debian 12 or Ubuntu, as root or with sudo:
#
#   make demo   installs what is missing, builds, paints, and says where the pictures are
#   make test   the same, and runs every test
#
# Developers use the presets of CMakePresets.json: `cmake --workflow --preset dev`.

BUILD := build/release
DEMO  := build/demo
PACKAGES := gcc libc6-dev cmake ninja-build pkg-config libpng-dev libopenblas-dev libjansson-dev libutf8proc-dev \
            libsodium-dev libzmq3-dev libmsgpack-dev libhwloc-dev libsixel-dev libsqlite3-dev libyajl-dev \
            zlib1g-dev libcmocka-dev
JOBS := $(shell nproc)
PROGRAM := $(BUILD)/cli/atelier
DEMO_MODEL := models/pochade

.NOTPARALLEL:
.PHONY: demo test build packages clean

build: packages
	@mkdir -p build
	@cmake --preset release -DBUILD_TESTING=OFF >build/configure.log 2>&1 || { cat build/configure.log; exit 1; }
	cmake --build $(BUILD) -j $(JOBS)

# The model that comes with the program paints a file of prompts on all cores; without one, a made-up checkpoint does.
demo: build
	@rm -rf $(DEMO) && mkdir -p build
	@if [ -f $(DEMO_MODEL)/model_index.json ]; then model=$(DEMO_MODEL); else model=build/tiny; \
	  [ -f build/tiny/model_index.json ] || $(PROGRAM) model synth tiny build/tiny; fi; \
	$(PROGRAM) run batches/examples/scenes.txt -m $$model -o $(DEMO)
	@echo "The pictures are in $(CURDIR)/$(DEMO); the gallery that shows them is $(CURDIR)/$(DEMO)/index.html"

test: packages
	cmake --preset release -DBUILD_TESTING=ON
	cmake --build $(BUILD) -j $(JOBS)
	ctest --test-dir $(BUILD) --output-on-failure -j $(JOBS)

# Only what is missing, so that a second run needs neither root nor a network.
packages:
	@command -v dpkg-query >/dev/null || { echo "Not a Debian: please see to it that these are there: $(PACKAGES)"; exit 0; }; \
	missing=; \
	for p in $(PACKAGES); do \
	  dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q '^install ok installed$$' || missing="$$missing $$p"; \
	done; \
	[ -n "$$missing" ] || exit 0; \
	echo "Installing:$$missing"; \
	sudo=; \
	if [ "$$(id -u)" != 0 ]; then \
	  command -v sudo >/dev/null || { echo "Please install these as root:$$missing" >&2; exit 1; }; \
	  sudo=sudo; \
	fi; \
	$$sudo apt-get update -qq && \
	$$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null

clean:
	rm -rf build
