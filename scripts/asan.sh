#!/usr/bin/env bash
# npm run test:asan [-- FILE...], npm run test:asan -- --stress [OPTION...]
# Builds the addon with AddressSanitizer and UndefinedBehaviorSanitizer into build-asan/ and runs its tests with it, then some
# seconds of test:stress; FILE... are further test files. With --stress: test:stress alone, with its options. Fails if a test
# fails or a sanitizer reports anything, be it in a child process of a test.
set -euo pipefail
cd "$(dirname "$0")/.."

if [[ $(uname -s) != Linux ]]; then
  echo 'test:asan: skipped: the addon is for Linux only'
  exit 0
fi
# npm scripts have node-gyp on their PATH.
command -v node-gyp >/dev/null || exec npm run --silent test:asan -- "$@"

preload=
for runtime in libasan.so libubsan.so; do
  file=$(gcc -print-file-name="$runtime")
  if [[ $file != /* ]]; then
    echo "test:asan: gcc has no $runtime; on Debian it comes with: apt-get install g++"
    exit 1
  fi
  preload+=${preload:+:}$file
done

# A directory that looks like the package to node-gyp, so that build/ stays as it is.
out=$PWD/build-asan
mkdir -p "$out"
ln -sfn "$PWD"/native/*.{cc,h,gyp} "$PWD/node_modules" "$out"
echo 'test:asan: building'
if ! CC=gcc CXX=g++ npm_config_loglevel=error node scripts/with-headers.mjs node-gyp rebuild -C "$out" -- -Dsanitize=on \
  >"$out/build.log" 2>&1; then
  cat "$out/build.log"
  exit 1
fi

reports=$out/reports
rm -rf "$reports"
mkdir "$reports"
# Only what the addon itself allocated can be its leak: Node frees little at process.exit(), other programs nothing. With
# two frames kept of each allocation, the second one is the function that asked for it.
cat >"$out/leaks.txt" <<'END'
leak:/bin/
leak:/node_modules/
leak:libc.so
leak:libpython
leak:ld-linux
END
# Both sanitizers write to files, since a test may swallow what its child prints.
export ASAN_OPTIONS="detect_leaks=1:malloc_context_size=2:log_path=$reports/asan"
export LSAN_OPTIONS="suppressions=$out/leaks.txt:print_suppressions=0"
export UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1:log_path=$reports/ubsan"
# Where the loader looks instead of in native/.
export POLYSOCKET_PREBUILD=$out

status=0
# The runtime must be there before Node, which is not instrumented.
sanitized() { LD_PRELOAD=$preload node "$@" || status=$?; }
if [[ ${1:-} == --stress ]]; then
  shift
  sanitized test/stress/stress.mjs "$@"
else
  sanitized node_modules/vitest/vitest.mjs run --pool=forks --testTimeout=120000 test/native "$@"
  sanitized test/stress/stress.mjs --seconds 20
fi
shopt -s nullglob
for report in "$reports"/*; do
  echo "test:asan: $report"
  cat "$report"
  status=1
done
exit "$status"
