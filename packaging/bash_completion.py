"""The completion for Bash of the one command. It needs no other file, and runs nothing at a TAB."""

_HEAD = """\
# Bash completion of echo-testbed. Generated from --help and --describe.
_echo_testbed() {
  local line=${COMP_LINE:0:COMP_POINT} typed=() current previous value model="" place each
  local options="" words="" paths=""
  # The words as typed: COMP_WORDS is divided at = and : as well.
  read -ra typed <<<"$line"
  if [[ $line == *[[:space:]] ]]; then typed+=(""); fi
  current=${typed[-1]} value=${typed[-1]} place=${typed[1]}
  COMPREPLY=()
  for ((each = 2; each < ${#typed[@]} - 1; ++each)); do
    case ${typed[each]} in
      --) return ;;
      --model) model=${typed[each + 1]} ;;
      --model=*) model=${typed[each]#*=} ;;
    esac
  done
  if ((${#typed[@]} > 3)); then
    case "${typed[1]} ${typed[2]}" in
      @parts@) place="${typed[1]} ${typed[2]}" ;;
    esac
  fi

  # options: those of the command; words, paths: its arguments
  case $place in
"""

_BETWEEN = """\
  esac

  if ((${#typed[@]} < 3)); then
    words="@names@" paths=""
    if [[ $current == -* ]]; then words="-h --help --version"; fi
  else
    previous=${typed[-2]}
    if [[ $current == --*=* ]]; then previous=${current%%=*} value=${current#*=}; fi
    case $place:$previous in
"""

_TAIL = """\
      *)
        if [[ $current == -* ]]; then words=$options paths="" value=$current; fi
        ;;
    esac
  fi

  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$value")
  case $paths in
    files) mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$value") ;;
    folders) mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "$value") ;;
  esac
  if [[ -n $paths ]]; then compopt -o filenames 2>/dev/null; fi
  if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]]; then compopt -o nospace 2>/dev/null; fi
  # Bash replaces only what follows the last of these characters.
  each=${COMP_WORDBREAKS//[^:=]/}
  if [[ -n $each && $value == *["$each"]* ]]; then
    each=${value%"${value##*["$each"]}"}
    COMPREPLY=("${COMPREPLY[@]#"$each"}")
  fi
}
complete -F _echo_testbed echo-testbed
"""


def script(lines, names):
    """The whole file. `names`: the commands."""
    parts = "|".join(f'"{line.command} {line.part}"' for line in lines if line.part)
    text = [_HEAD.replace("@parts@", parts)]
    for line in lines:
        text += _options_of(line)
    text.append(_BETWEEN.replace("@names@", " ".join(names)))
    for line in lines:
        text += _values_of(line)
    text.append(_TAIL)
    return "".join(text)


def _place(line):
    return f'"{line.command} {line.part}"' if line.part else line.command


def _options_of(line):
    """The case of a command: its options, by the model where they depend on it, and its arguments."""
    shared = [name for one in line.options if one.models is None for name in one.names]
    yield f"    {_place(line)})\n"
    yield f'      options="{" ".join(dict.fromkeys(shared))}"\n'
    by_model = {}
    for one in line.options:
        for model in one.models or ():
            by_model.setdefault(model, []).extend(one.names)
    if by_model:
        yield f"      case ${{model:-{line.default_model}}} in\n"
        for model, names in by_model.items():
            yield f'        {model}) options+=" {" ".join(names)}" ;;\n'
        yield "      esac\n"
    if line.words or line.parts:
        yield f'      words="{" ".join([*line.parts, *line.words])}"\n'
    if line.paths:
        yield f"      paths={line.paths}\n"
    yield "      ;;\n"


def _values_of(line):
    """A case for the options with the same values."""
    by_values = {}
    for one in line.options:
        if one.value is not None:
            by_values.setdefault((" ".join(one.words), one.paths or ""), []).extend(one.names)
    for (words, paths), names in by_values.items():
        patterns = "|".join(f"{_place(line)}:{name}" for name in dict.fromkeys(names))
        yield f'      {patterns}) words="{words}" paths="{paths}" ;;\n'
