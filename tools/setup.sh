#!/bin/sh
# Install what the build needs and nothing else: Debian packages, BearSSL's source package, two npm packages.
# Says what it is about to install, and why, before it does. Does nothing, quickly, when all is there.
#
# Usage: tools/setup.sh [--check]     --check: only say what is missing, exit 1 if anything is
set -eu
cd "$(dirname "$0")/.."

# package:why
packages='
gcc:compiler for the gateway, the twin and the tests
g++:compiles the Arduino sketches of the ESP32 gateway in their test
libc6-dev:C headers for the host compiler
clang:second compiler, same warnings as errors
libclang-rt-dev:libFuzzer and the sanitizers of clang (tests/fuzz)
clang-format:layout check
cmake:build system
ninja-build:build system
git:finds the files that the checks read
python3:build steps and checks (standard library only)
gcc-arm-none-eabi:compiler for the STM32F407
libnewlib-arm-none-eabi:C library headers for the STM32F407
gcc-riscv64-unknown-elf:compiler for the ESP32-C3: size of the gateway core, and its unit tests as a program for a microcontroller
libbearssl-dev:signs for the fota command, and judges our own P-256 in the tests
libcurl4-openssl-dev:HTTP for the gateway
libmicrohttpd-dev:HTTP server of the local page of the gateway
chromium:shows the local page in its test, without a screen
libcmocka-dev:unit tests
gcc-xtensa-lx106:compiler of a cousin of the ESP32 core: the gateway core and the ESP32 port compile for it, too
picolibc-riscv64-unknown-elf:C library for the ESP32-C3: headers for the ESP32 port, the library for the unit tests of the gateway core
picolibc-xtensa-lx106-elf:the same for that cousin
qemu-user:runs the gateway core compiled for the ESP32-C3 in its unit tests (tests/rv32)
libunicorn-dev:second opinion on the emulated core (differential test)
spin:model checker for the update protocol
python3-swift:a real S3 server on this machine for demo and tests
sigrok-cli:logic analyser software that reads our VCD files (test of fota run --vcd)
jimsh:runs the script of tools/provision against the twin (the Tcl that OpenOCD has in it)
doxygen:API reference of the public headers (make docs)
unzip:unpacks the pack for STM32CubeIDE in its test
xz-utils:unpacks the BearSSL source
openssl:throw-away certificates for the tests of TLS
ca-certificates:TLS roots
'
bearssl_version='0.6+dfsg.1-3'
bearssl_archive='bearssl_0.6+dfsg.1.orig.tar.xz'
bearssl_sha256='102a625bd8f6155260867a50c508df8d8c3f796985dd744df1a68e5cd1a79004'
bearssl_dir='build/third_party/bearssl'
st_package='@micro-os-plus/platform-stm32f4discovery'
st_version='3.3.1'
s3rver_package='@20minutes/s3rver'
s3rver_version='4.0.4'

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

missing_packages() {
    names=$(printf '%s' "$packages" | sed -n 's/^\([^:]*\):.*/\1/p')
    # shellcheck disable=SC2086 # a list of words
    installed=$(dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' $names 2>/dev/null | sed -n 's/^ii *//p')
    for name in $names; do
        printf '%s\n' "$installed" | grep -qx -- "$name" || printf '%s\n' "$name"
    done
    # Node.js may come from elsewhere than Debian: ask for the commands, not the packages.
    command -v node >/dev/null 2>&1 || printf 'nodejs\n'
    command -v npm >/dev/null 2>&1 || printf 'npm\n'
}

why() {
    case $1 in
    nodejs | npm) printf 'fetches ST'\''s CMSIS headers and HAL (%s), and runs a second S3 server for the tests (%s)' "$st_package" "$s3rver_package" ;;
    *) printf '%s' "$packages" | sed -n "s/^$1://p" ;;
    esac
}

have_bearssl() { [ "$(cat "$bearssl_dir/.version" 2>/dev/null)" = "$bearssl_version" ]; }

have_npm() { # PACKAGE VERSION
    grep -q "\"version\": \"$2\"" "node_modules/$1/package.json" 2>/dev/null
}
have_both() { have_npm "$st_package" "$st_version" && have_npm "$s3rver_package" "$s3rver_version"; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

need_root() {
    [ "$(id -u)" -eq 0 ] && return
    command -v sudo >/dev/null 2>&1 ||
        die "installing packages needs root: run as root, install sudo, or ask your administrator for: $1"
}

log_of() { printf 'build/setup/%s.log' "$1"; }

install_packages() {
    say "these Debian packages are missing and will be installed with apt-get:"
    for name in $1; do
        printf '  %-26s %s\n' "$name" "$(why "$name")"
    done
    # shellcheck disable=SC2086 # a list of words
    list=$(printf '%s ' $1)
    need_root "$list"
    log=$(log_of apt)
    as_root apt-get -q update >"$log" 2>&1 ||
        die "apt-get update failed (no network, or no right to install): see $log"
    # shellcheck disable=SC2086
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends $list >>"$log" 2>&1 ||
        die "apt-get could not install: $list(no network, or no right to install): see $log"
}

# Nothing of it goes into the firmware or the host programs. A private source list made from the machine's own Debian entry; the system's configuration is only read.
fetch_bearssl() {
    say "BearSSL $bearssl_version source will be fetched with apt-get: compiled for the twin's core by the bench, which measures our own P-256 beside it (docs/adr/0010)"
    apt_dir=$PWD/build/setup/apt
    mkdir -p "$apt_dir/lists/partial" build/third_party
    log=$PWD/$(log_of bearssl)
    sources() {
        apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' \
            'Created-By: Packages' 'Origin: Debian' 'Component: main' 2>/dev/null | sort -u
    }
    if [ -z "$(sources)" ]; then
        need_root "apt-get update"
        as_root apt-get -q update >"$log" 2>&1 || die "apt-get update failed (no network?): see $log"
    fi
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    signed=''
    [ -f "$keyring" ] && signed="[signed-by=$keyring] "
    sources | sed "s|^|deb-src $signed|" >"$apt_dir/sources.list"
    [ -s "$apt_dir/sources.list" ] || die "this machine has no Debian entry in its apt sources: add one, then try again"
    set -- -q -o "Dir::Etc::sourcelist=$apt_dir/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o "Dir::State::lists=$apt_dir/lists" -o "Dir::Cache=$apt_dir" -o APT::Sandbox::User=root
    apt-get "$@" update >"$log" 2>&1 || die "cannot read Debian's source index (no network?): see $log"
    (cd "$apt_dir" && apt-get "$@" source --download-only "bearssl=$bearssl_version" >>"$log" 2>&1) ||
        die "cannot fetch the source of bearssl $bearssl_version (no network, or the archive no longer has it): see $log"
    sum=$(sha256sum "$apt_dir/$bearssl_archive" | cut -d' ' -f1)
    [ "$sum" = "$bearssl_sha256" ] || die "$bearssl_archive has SHA-256 $sum, expected $bearssl_sha256: refusing to use it"
    rm -rf "$bearssl_dir" "$bearssl_dir.new"
    mkdir -p "$bearssl_dir.new"
    tar -xf "$apt_dir/$bearssl_archive" -C "$bearssl_dir.new" --strip-components=1
    printf '%s\n' "$bearssl_version" >"$bearssl_dir.new/.version"
    mv "$bearssl_dir.new" "$bearssl_dir"
}

fetch_npm() {
    say "these npm packages will be fetched with npm ci:"
    say "  $st_package $st_version: ST's CMSIS headers and HAL"
    say "  $s3rver_package $s3rver_version: a second S3 server for the tests, which sees what the first forgives"
    log=$(log_of npm)
    npm ci --no-audit --no-fund --ignore-scripts >"$log" 2>&1 || die "npm ci failed (no network?): see $log"
    have_both || die "npm ci did not bring $st_package $st_version and $s3rver_package $s3rver_version: see $log"
}

[ -f /etc/debian_version ] || die "this project is built and tested on Debian 12; on another system install the list in tools/setup.sh by hand"
missing=$(missing_packages)
if [ "${1:-}" = --check ]; then
    complete=0
    for name in $missing; do say "missing package $name: $(why "$name")" && complete=1; done
    have_bearssl || { say "missing BearSSL $bearssl_version source" && complete=1; }
    have_npm "$st_package" "$st_version" || { say "missing npm package $st_package $st_version" && complete=1; }
    have_npm "$s3rver_package" "$s3rver_version" || { say "missing npm package $s3rver_package $s3rver_version" && complete=1; }
    exit $complete
fi
mkdir -p build/setup
[ -z "$missing" ] || install_packages "$missing"
have_bearssl || fetch_bearssl
have_both || fetch_npm
