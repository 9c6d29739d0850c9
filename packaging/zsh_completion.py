"""The completion for zsh of the one command, by _arguments. It runs nothing at a TAB."""

from completion_words import FILES, FOLDERS

_HEAD = """\
#compdef echo-testbed
# Generated from --help and --describe.
_echo_testbed() {
  local curcontext=$curcontext state model name
  local -a names specs
  names=(
@names@
  )
  if (( CURRENT == 2 )); then
    if [[ $PREFIX == -* ]]; then
      _arguments '(- *)'{-h,--help}'[the names]' '(- *)--version[version and commit]'
    else
      _describe -t commands command names
    fi
    return
  fi
  name=$words[2]
  shift words
  (( CURRENT-- ))
  model=${words[(r)--model=*]#--model=}
  if [[ -z $model && $words[(i)--model] -lt $#words ]]; then model=$words[$words[(i)--model]+1]; fi
  if [[ "$name $words[2]" == (@parts@) ]] && (( CURRENT > 2 )); then
    name="$name $words[2]"
    shift words
    (( CURRENT-- ))
  fi
  case $name in
"""

_TAIL = """\
    *) return 1 ;;
  esac
  _arguments -S $specs
}
_echo_testbed "$@"
"""


def script(lines, abouts):
    """The whole file. `abouts`: {command: a sentence}."""
    names = "\n".join(f"    {_quoted(name + ':' + _plain(about))}" for name, about in abouts.items())
    parts = "|".join(f"'{line.command} {line.part}'" for line in lines if line.part)
    text = _HEAD.replace("@names@", names).replace("@parts@", parts)
    return text + "".join(piece for line in lines for piece in _case(line)) + _TAIL


def _case(line):
    yield f"    '{line.command}{' ' + line.part if line.part else ''}')\n      specs=(\n"
    for one in line.options:
        if one.models is None:
            yield from (f"        {spec}\n" for spec in _specs(one))
    yield from (f"        {spec}\n" for spec in _arguments(line))
    yield "      )\n"
    models = dict.fromkeys(model for one in line.options for model in one.models or ())
    if models:
        yield f"      case ${{model:-{line.default_model}}} in\n"
        for model in models:
            own = [spec for one in line.options if model in (one.models or ()) for spec in _specs(one)]
            yield f"        {model})\n          specs+=(\n"
            yield from (f"            {spec}\n" for spec in own)
            yield "          ) ;;\n"
        yield "      esac\n"
    yield "      ;;\n"


def _specs(option):
    """An option for _arguments, once for each of its names. All may be given again."""
    for name in option.names:
        text = f"*{name}{'=' if option.value and name.startswith('--') else ''}[{_plain(option.text)}]"
        if option.value is not None:
            text += f":{_plain(option.value)}:{_action(option.words, option.paths)}"
        yield _quoted(text)


def _arguments(line):
    if line.words or line.parts or line.paths:
        words = [*line.parts, *line.words]
        if words and line.paths:
            action = f"_alternative {_quoted('words:word:' + _action(words, None))} "
            action += _quoted("paths:path:" + _action([], line.paths))
            yield _quoted(f"*:argument:{{{action}}}")
        else:
            yield _quoted(f"*:argument:{_action(words, line.paths)}")


def _action(words, paths):
    if words:
        return f"({' '.join(word.replace(':', chr(92) + ':') for word in words)})"
    return {FILES: "_files", FOLDERS: "_files -/"}.get(paths, " ")


def _plain(text):
    """Text between the brackets of a specification."""
    for mark in "\\:[]":
        text = text.replace(mark, "\\" + mark)
    return text


def _quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"
