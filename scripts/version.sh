# Prints what --version of a script prints: version, commit, interpreter, and the tools that it runs.
#
#   sh scripts/version.sh NAME LANGUAGE VERSION [TOOL...]
#   sh scripts/version.sh scripts/demo bash "$BASH_VERSION" cmake c++
#
# The scripts in Python use it too (version.py). It needs no Python itself, because scripts/setup and
# scripts/demo answer on a machine without it. An installed script has a file VERSION beside it, with the
# version and the commit; in a source tree they are those of CMakeLists.txt and of git.
export LC_ALL=C
name=$1 language=$2 language_version=${3%%(*}  # 5.2.15(1)-release
shift 3
here=$(dirname "$0")
root=$here/..
version=unknown commit=unknown tools=""

if [ -f "$here/VERSION" ]; then
  { read -r version; read -r commit; } <"$here/VERSION"
elif [ -f "$root/CMakeLists.txt" ]; then
  version=$(sed -n 's/^project(echo_testbed VERSION \([0-9.]*\).*/\1/p' "$root/CMakeLists.txt")
  git() { command git --no-optional-locks -C "$root" "$@" 2>/dev/null; }
  # Without this check, git would look for a repository above an unpacked archive.
  if [ -e "$root/.git" ] && found=$(git rev-parse --short=12 HEAD); then
    commit=$found
    if [ -n "$(git status --porcelain --untracked-files=no)" ]; then commit="$commit with changes"; fi
  fi
fi

for tool; do
  option=--version
  if [ "$tool" = ip ]; then option=-V; fi
  if command -v "$tool" >/dev/null; then
    number=$("$tool" $option 2>/dev/null </dev/null | sed -n '1s/ patchlevel /./p;1p' |
      grep -oE '[0-9]+(\.[0-9]+)+' | sed -n 1p)
    tools="$tools${tools:+, }$tool ${number:-of unknown version}"
  else
    tools="$tools${tools:+, }$tool not installed"
  fi
done
printf '%s (echo testbed) %s\n%-10s %s\n%-10s %s\n' \
  "$name" "$version" commit "$commit" "$language" "$language_version" || exit 7
if [ -n "$tools" ]; then printf '%-10s %s\n' tools "$tools" || exit 7; fi
