#!/bin/bash
# scripts/test, with programs in place of cmake, ctest and clang-format: its last lines say the seconds
# of each stage, whether it passed, failed or was interrupted, before them what failed tests said, and a
# signal ends the running stage.
set -uo pipefail

source=${TESTBED_SOURCE_DIR:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
failures=0
fail() { printf 'FAILED: %s\n%s\n' "$1" "$(tail -n 20 "$tree/out")"; failures=$((failures + 1)); }

mkdir "$tree/scripts" "$tree/programs" "$tree/tests"
cp "$source/scripts/test" "$tree/scripts/test"
cp "$source/tests/failures.py" "$tree/tests/failures.py"
program() { printf '#!/bin/bash\n%s\n' "$2" >"$tree/$1"; chmod +x "$tree/$1"; }
program scripts/setup 'exit ${SETUP_EXIT:-0}'
# The build or the tests of the preset STUCK do not end, and neither does what they have started.
program programs/stuck 'sleep 600 & echo $! >sleeping; echo $$ >ready; wait'
program programs/cmake '
if [[ "$*" == "--build ${STUCK:-none}"* ]]; then exec stuck; fi
if [[ "$*" == "--build build-tsan"* ]]; then exit ${TSAN_EXIT:-0}; fi'
program programs/ctest '
if [[ $2 == "${STUCK:-}" ]]; then exec stuck; fi
if [[ $2 == "${FAILING:-}" ]]; then mkdir -p build/Testing/Temporary; cp LastTest.log build/Testing/Temporary; echo "57% tests passed, 3 tests failed out of 7"; exit 8; fi
echo "100% tests passed, 0 tests failed out of 7"'
program programs/clang-format ''
printf 'int main() {}\n' >"$tree/main.cpp"
export PATH=$tree/programs:$PATH
unset STUCK FAILING

run() { (cd "$tree" && "$@") >"$tree/out" 2>&1; }
last() { tail -n "$1" "$tree/out" | head -n 1; }

readonly second='[0-9]+'
all="packages $second; release: build $second; release: tests $second; asan: build $second"
all+="; tsan: build $second"

run scripts/test || fail "it passes with programs that pass"
[[ $(last 2) =~ ^"scripts/test: seconds: "$all"; release: load "$second"; asan: tests "$second"; tsan: tests "$second"; format "$second$ ]] ||
  fail "the line before the last has the seconds of each stage"
[[ $(last 1) =~ ^"scripts/test: passed after "$second" s (release 7 tests, 0 failed; load 7 tests, 0 failed; asan 7 tests, " ]] ||
  fail "the last line has the result"

cat >"$tree/LastTest.log" <<'END'
1/3 Testing: one/passes
Output:
----------------------------------------------------------
[ RUN      ] Of.APassingTest
<end of output>
Test time =   0.01 sec
----------------------------------------------------------
Test Passed.
2/3 Testing: one/share_1_of_4
Output:
----------------------------------------------------------
[ RUN      ] Case.Passes
[       OK ] Case.Passes (1 ms)
[ RUN      ] Case.Fails
case_test.cpp:7: Failure
[  FAILED  ] Case.Fails (1 ms)
[ RUN      ] Case.DoesNotEnd
ERROR: AddressSanitizer
<end of output>
Test time =   0.01 sec
----------------------------------------------------------
Test Failed.
3/3 Testing: two/script
Output:
----------------------------------------------------------
FAILED: the claim
<end of output>
Test time =   0.01 sec
----------------------------------------------------------
Test Failed.
4/4 Testing: two/silent
Output:
----------------------------------------------------------
<end of output>
Test time =   0.01 sec
----------------------------------------------------------
Test Failed.
END
FAILING=quiet run scripts/test
(($? == 1)) || fail "failed tests are exit 1"
[[ $(sed -n '/^The failures:$/,/^$/p' "$tree/out") == 'The failures:
-- one/share_1_of_4
[ RUN      ] Case.Fails
case_test.cpp:7: Failure
[  FAILED  ] Case.Fails (1 ms)
-- one/share_1_of_4
[ RUN      ] Case.DoesNotEnd
ERROR: AddressSanitizer
-- two/script
FAILED: the claim
-- two/silent' ]] || fail "what the failed tests said stands near the end"

TSAN_EXIT=1 run scripts/test
(($? == 1)) || fail "a failed stage is exit 1"
[[ $(last 2) =~ ^"scripts/test: seconds: "$all" (failed); release: load "$second"; asan: tests "$second"; format "$second$ ]] ||
  fail "the seconds of each stage are said also when it failed"
[[ $(last 1) == "scripts/test: FAILED in tsan: build after "* ]] || fail "the last line names the stage"

SETUP_EXIT=3 run scripts/test --quick
(($? == 3)) || fail "missing packages are exit 3"
[[ $(last 2) =~ ^"scripts/test: seconds: packages "$second" (failed)"$ ]] || fail "seconds of packages"

interrupted() {  # SIGNAL CODE STUCK LAST-STAGES OPTION...
  local script code=0 tries
  rm -f "$tree/ready" "$tree/sleeping"
  (cd "$tree" && STUCK=$3 exec env --default-signal scripts/test "${@:5}") >"$tree/out" 2>&1 &
  script=$!
  for ((tries = 0; tries < 600; ++tries)); do
    if [[ -s $tree/ready ]]; then break; fi
    sleep 0.05
  done
  kill "-$1" "$script"
  wait "$script" || code=$?
  ((code == $2)) || fail "$1 is exit $2, not $code"
  if kill -0 "$(<"$tree/sleeping")" 2>/dev/null; then
    kill -KILL "$(<"$tree/sleeping")"
    fail "$1 leaves nothing that a stage has started"
  fi
  [[ $(last 2) =~ $4" (interrupted)"$ ]] || fail "the seconds are said after $1"
}
tests="release: build $second; release: tests $second"
interrupted HUP 129 release "$tests" --quick
interrupted INT 130 release "$tests" --quick
interrupted TERM 143 release "$tests" --quick
interrupted TERM 143 build-asan "$tests; asan: build $second"
interrupted INT 130 quiet "$tests"

if ((failures)); then exit 1; fi
echo "scripts/test: its last lines and its signals are as they should be"
