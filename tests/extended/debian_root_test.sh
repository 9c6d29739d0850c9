#!/bin/bash
# The package in a root of Debian 12 that has nothing else: it installs, `echo-testbed demo` serves 10,000,
# `limits` answers, the manual shows, both shells complete, and a purge leaves nothing. The root is made by
# debootstrap in a private mount namespace, so that every mount in it ends with this script.
#
#   tests/extended/debian_root_test.sh
#
# TESTBED_MIRROR      the mirror; unless given, that of this machine's apt sources
# TESTBED_ROOT        an unpacked minbase root to copy, instead of debootstrap
# TESTBED_BUILD_THERE build the package in the root, as packaging/Containerfile does (takes minutes)
#
# Exit 0: passed; 1: failed; 77: it needs root, debootstrap, cpack or a mirror.
set -euo pipefail

readonly release=bookworm
source=${TESTBED_SOURCE_DIR:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
build=$(cd "${TESTBED_BIN_DIR:-$source/build/bin}/.." && pwd)
skip() { printf 'skipped: %s\n' "$1"; exit 77; }
fail() { printf 'FAILED: %s\n' "$1"; exit 1; }

if ((EUID != 0)); then skip "debootstrap needs root"; fi
for tool in unshare chroot cpack; do command -v "$tool" >/dev/null || skip "$tool is not installed"; done
if [[ ${1:-} != --in-own-namespace ]]; then
  exec unshare --mount --propagation private --pid --fork --kill-child "${BASH_SOURCE[0]}" --in-own-namespace
fi

mirror=${TESTBED_MIRROR:-}
if [[ -z $mirror ]]; then
  mirror=$({ cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null || true; } |
    awk -v release="$release" '
      /^URIs:/ { uri = $2 }
      /^Suites:/ { for (i = 2; i <= NF; ++i) if ($i == release) { print uri; exit } }
      /^deb / { for (i = 2; i < NF; ++i) if ($(i + 1) == release) { print $i; exit } }')
fi
if [[ -z $mirror ]]; then skip "no mirror of $release: set TESTBED_MIRROR"; fi

folder=$(mktemp -d "${TMPDIR:-/var/tmp}/echo-testbed-root.XXXXXX")
root=$folder/root
finish() {
  for where in proc dev/pts dev; do umount "$root/$where" 2>/dev/null || true; done
  # Never into a mount that is still there.
  rm -rf --one-file-system "$folder"
}
trap finish EXIT
trap 'exit 143' HUP INT TERM

step() { printf '== %s\n' "$*"; }
inside() { chroot "$root" /usr/bin/env -i HOME=/root TERM=dumb LC_ALL=C.UTF-8 \
  PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"; }
# All files but the package manager's own.
files() { inside find / -xdev \( -path /proc -o -path /dev -o -path /tmp -o -path /var/cache -o -path /var/lib/apt \
  -o -path /var/lib/dpkg -o -path /var/log -o -path /root -o -path /package \) -prune -o -print | sort; }

step "a root of $release"
if [[ -n ${TESTBED_ROOT:-} ]]; then
  cp -a --reflink=auto "$TESTBED_ROOT" "$root"
else
  command -v debootstrap >/dev/null || skip "debootstrap is not installed"
  debootstrap --variant=minbase --include=ca-certificates "$release" "$root" "$mirror" >"$folder/log" 2>&1 ||
    { tail -n 5 "$folder/log"; fail "debootstrap"; }
fi
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 dev "$root/dev"
mkdir "$root/dev/pts"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
for device in null zero full random urandom tty; do cp -a "/dev/$device" "$root/dev/$device"; done
ln -s /proc/self/fd "$root/dev/fd"
cp /etc/resolv.conf "$root/etc/resolv.conf"

step "the package"
mkdir "$root/package"
cp "$source/packaging/install-package" "$root/package/"
if [[ -n ${TESTBED_BUILD_THERE:-} ]]; then
  mkdir "$root/source"
  (cd "$source" && git ls-files -z | xargs -0 cp --parents -t "$root/source")
  inside /source/packaging/build-package >"$folder/log" 2>&1 ||
    { tail -n 30 "$folder/log"; fail "packaging/build-package"; }
  cp "$root"/source/build-package/*.deb "$root/package/"
  rm -rf "$root/source"
else
  (cd "$build" && cpack -G DEB -B "$folder/packed") >"$folder/log" 2>&1 || { cat "$folder/log"; fail cpack; }
  cp "$folder"/packed/*.deb "$root/package/"
fi
package=$(basename "$root"/package/*.deb)
ls -l "$root/package/$package"

install() {
  inside /package/install-package "/package/$package" >"$folder/log" 2>&1 ||
    { tail -n 30 "$folder/log"; fail "the package does not install"; }
}

step "installs, with what it needs"
install
inside dpkg-query -W -f '${Package} ${Version} ${db:Status-Status}\n' echo-testbed python3 gnuplot-nox iproute2
inside echo-testbed --version

step "the first purge, after which a second installation adds only its own files"
inside apt-get -qq -y purge echo-testbed >"$folder/log" 2>&1 || { cat "$folder/log"; fail "purge"; }
DEBIAN_FRONTEND=noninteractive inside apt-get -qq -y --no-install-recommends install \
  man-db bash-completion zsh >"$folder/log" 2>&1 || { tail "$folder/log"; fail "man-db, bash-completion, zsh"; }
left=$(files | grep -E 'echo-testbed|echo_testbed' || true)
if [[ -n $left ]]; then fail "the purge left $left"; fi
files >"$folder/before"
install

step "echo-testbed limits"
status=0
inside echo-testbed limits -n 10000 || status=$?
if ((status != 0 && status != 3)); then fail "limits ends with $status"; fi

step "echo-testbed demo"
inside sh -c 'cd /root && exec echo-testbed demo' >"$folder/demo" 2>&1 || { cat "$folder/demo"; fail "demo"; }
grep -E 'served|note|^\[' "$folder/demo"
if ((status == 0)); then  # the machine has room for them
  grep -qE '^ *served.* 10,000 \+ 10,000 +10,000 \+ 10,000' "$folder/demo" || fail "demo serves 10,000"
fi

step "man echo-testbed-client"
inside man echo-testbed-client >"$folder/manual" 2>&1 || { cat "$folder/manual"; fail "man"; }
tr -s ' \n' ' ' <"$folder/manual" | grep -q 'verifies every byte' || fail "the manual has its first line"
sed -n 1,12p "$folder/manual"
inside man 7 echo-testbed | grep -q 'max conc' || fail "the terms are a manual"
inside whatis echo-testbed-tune

step "completion"
# As at a TAB: bash-completion loads the file when the command is completed for the first time.
inside bash -ic '
  source /usr/share/bash-completion/bash_completion
  _completion_loader echo-testbed
  complete -p echo-testbed
  COMP_LINE="echo-testbed echo_async --model " COMP_POINT=${#COMP_LINE}
  _echo_testbed
  echo "${COMPREPLY[*]}"' 2>/dev/null | tee "$folder/completion"
grep -q 'callbacks coroutines .*io-uring' "$folder/completion" || fail "Bash completes the models"
inside zsh -c 'autoload -Uz compinit; compinit -D; print ${_comps[echo-testbed]}' | tee "$folder/completion"
grep -qx _echo-testbed "$folder/completion" || fail "zsh finds its completion"

step "an experiment, with its page"
inside sh -c 'cd /root && exec echo-testbed sweep --factor n=10,20 --reps 2 --confidence 0.5 --seconds 0.1 \
  --warm-up 0 --out trial' >"$folder/sweep" 2>&1 || { cat "$folder/sweep"; fail "sweep"; }
tail -n 2 "$folder/sweep"
if [[ ! -s $root/root/trial/report.html ]]; then fail "the experiment has a page"; fi

step "purge"
inside apt-get -qq -y purge echo-testbed >"$folder/log" 2>&1 || { cat "$folder/log"; fail "purge"; }
if inside dpkg-query -W -f '${db:Status-Status}\n' echo-testbed 2>/dev/null | grep -qx installed; then
  fail "it is not installed any more"
fi
files >"$folder/after"
diff "$folder/before" "$folder/after" || fail "the purge leaves what was there before"
echo "passed: purge leaves nothing"
