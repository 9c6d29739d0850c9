"""The manual pages: echo-testbed(1), a page per command, and the terminology as echo-testbed(7).

    pages(commands, release, terminology)      {"echo-testbed.1": text of the page, ...}

Options, models, exit codes and examples are those of --help and --describe; additions.py holds what
these do not say.
"""

import dataclasses
import re

import additions
import commands
import roff

PACKAGE = "echo-testbed"


@dataclasses.dataclass(frozen=True)
class Release:
    version: str
    date: str  # of the changelog's section


def pages(read, release, terminology):
    found = {f"{PACKAGE}.1": _overview(read, release), f"{PACKAGE}.7": _terms(terminology, release)}
    for command in read:
        found[f"{PACKAGE}-{command.name}.1"] = _page(command, release)
    return found


def called(text, name):
    """How a command is typed: with the name of the installed command."""
    return f"{PACKAGE} {text}" if name in commands.PROGRAMS and text.startswith(name) else text


def examples(command):
    """[(command line, comment)] of its page."""
    own = [(called(item.term, command.name), item.text) for item in command.help.examples]
    return own + additions.EXAMPLES.get(command.name, [])


# ---- a command -----------------------------------------------------------------------------------
def _page(command, release):
    parts = [_title(f"{PACKAGE}-{command.name}", 1, release)]
    parts += [roff.section("Name"), roff.plain(f"{PACKAGE}-{command.name} ").rstrip() + r" \- " + _about(command)]
    parts += [roff.section("Synopsis"), *_synopsis(command)]
    parts += [roff.section("Description")]
    own = [] if command.described else [command.help.about]
    paragraphs = own + additions.DESCRIPTIONS.get(command.name, []) + command.help.paragraphs
    parts += map(roff.paragraph, paragraphs)
    parts += _options(command)
    if command.models:
        parts += [roff.section("Models")]
        parts += [roff.tagged(roff.bold(model["name"]), model["summary"]) for model in command.models]
    parts += _exit_status(command)
    parts += _files(command.name)
    if not command.described:
        parts += [roff.section("Environment")]
        parts += [roff.tagged(roff.bold(name), text) for name, text in additions.ENVIRONMENT]
    parts += _examples(examples(command))
    parts += _see_also(f"{PACKAGE}(1)", f"{PACKAGE}(7)", *additions.SEE_ALSO.get(command.name, []))
    return _text(parts)


def _text(parts):
    """A heading is followed by no macro for a paragraph (mandoc -T lint)."""
    return re.sub(r"^(\.S[HS] .*)\n\.PP\n", r"\1\n", "\n".join(parts) + "\n", flags=re.MULTILINE)


def _about(command):
    text = command.about
    return roff.plain(text if text[1].isupper() else text[0].lower() + text[1:])


def _title(name, chapter, release):
    heading = f'{roff.plain(name.upper())} {chapter} {roff.plain(release.date)}'
    return f'.\\" Generated from --help and --describe.\n.TH {heading} "{PACKAGE} {release.version}" "Echo testbed"\n.nh\n.ad l'


def _synopsis(command):
    usages = [command.help.usage[0]] if command.help.usage else [command.name]
    usages += [usage for part in command.parts.values() for usage in part.usage]
    found = []
    for usage in usages:
        words = called(usage, command.name).split(" ")
        # The command, then what a line may break before.
        name = 2 + (words[2:3] != [] and words[2] in command.parts)
        found += [".PP", f"{roff.bold(' '.join(words[:name]))} {roff.plain(' '.join(words[name:]))}"]
    return found


def _options(command):
    parts = [roff.section("Options")]
    for title, items in sorted(command.help.sections, key=lambda each: each[0].lower() != "options"):
        if title.lower() != "options":
            parts.append(roff.subsection("Arguments" if title.lower().startswith("pos") else title))
        for item in items:
            if item.term.startswith("{"):
                continue  # the list of parts, which follow it
            only = command.only.get((item.term, item.text))
            text = item.text + (f". Only: {', '.join(only)}" if only else "")
            parts.append(roff.tagged(_term(item), _sentence(text)))
    for name, part in command.parts.items():
        parts.append(roff.subsection(f"{command.name} {name}"))
        for _, items in part.sections:
            parts += [roff.tagged(_term(item), _sentence(item.text)) for item in items]
    return parts


def _term(item):
    """Names in bold, the rest as it is."""
    if not item.names:
        return roff.bold(item.term)
    head = re.split(r" (?![-])", item.term)[0]
    return ", ".join(map(roff.bold, item.names)) + roff.plain(item.term[len(head) :])


def _sentence(text):
    """With a capital letter, unless it begins with words to be typed, as in "stream, churn: idle time"."""
    if re.match(r"[a-z]", text) and not re.match(r"[a-z]+(, [a-z]+)*:", text):
        text = text[0].upper() + text[1:]
    return text if not text or text.endswith(".") else text + "."


def _exit_status(command):
    parts = [roff.section("Exit status")]
    if command.described:
        codes = [(str(one["code"]), one["meaning"]) for one in command.described["exit_codes"]]
    else:
        codes = command.help.exit_codes
    return parts + [roff.tagged(roff.bold(code), _sentence(meaning)) for code, meaning in codes]


def _files(name):
    files = additions.FILES.get(name, [])
    parts = [roff.section("Files")] if files else []
    return parts + [roff.tagged(rf"\fI{roff.plain(path)}\fR", text) for path, text in files]


def _examples(found):
    parts = [roff.section("Examples")] if found else []
    for text, comment in found:
        parts += [roff.paragraph(_sentence(comment) if comment else ""), roff.example([text])]
    return [part for part in parts if part != ".PP\n"]


def _see_also(*names):
    shown = [re.sub(r"^(.+)(\(\d\))$", lambda match: roff.bold(match[1]) + match[2], name) for name in names]
    return [roff.section("See also"), ",\n".join(shown)]


# ---- the others ----------------------------------------------------------------------------------
def _overview(read, release):
    parts = [_title(PACKAGE, 1, release), roff.section("Name")]
    parts += [roff.plain(PACKAGE) + r" \- " + roff.plain(additions.SUMMARY)]
    parts += [roff.section("Synopsis")]
    for words in ("NAME [ARGUMENT...]", "--help | --version"):
        parts += [".PP", f"{roff.bold(PACKAGE)} {roff.plain(words)}"]
    parts += [roff.section("Description"), *map(roff.paragraph, additions.DESCRIPTIONS[PACKAGE])]
    parts += [roff.section("Commands")]
    for command in read:
        page = rf"{roff.bold(f'{PACKAGE}-{command.name}')}(1)"
        parts += [roff.tagged(roff.bold(command.name), command.about + "."), f"See {page}."]
    parts += [roff.section("Options")]
    parts += [roff.tagged(", ".join(map(roff.bold, names)), text) for names, text in additions.OPTIONS]
    parts += [roff.section("Exit status"), roff.paragraph(additions.EXIT_STATUS)]
    parts += [
        roff.tagged(roff.bold(str(one["code"])), _sentence(one["meaning"]))
        for one in read[0].described["exit_codes"]
    ]
    parts += _files(PACKAGE) + _examples(additions.EXAMPLES[PACKAGE])
    parts += _see_also(*[f"{PACKAGE}-{command.name}(1)" for command in read], f"{PACKAGE}(7)")
    return _text(parts)


def _terms(markdown, release):
    """docs/terminology.md: headings, paragraphs, lists of **term**: text, indented code."""
    parts = [_title(PACKAGE, 7, release), roff.section("Name")]
    parts += [roff.plain(PACKAGE) + r" \- the terms of the echo testbed", roff.section("Description")]
    for block in re.split(r"\n{2,}", markdown.strip()):
        lines = block.splitlines()
        if lines[0].startswith("# "):
            continue
        if lines[0].startswith("#"):
            parts.append(roff.section(lines[0].lstrip("# ")))
        elif lines[0].startswith("    "):
            parts.append(roff.example([each[4:] for each in lines]))
        elif lines[0].startswith("- "):
            parts += map(_definition, re.split(r"\n(?=- )", block))
        else:
            parts.append(roff.paragraph(" ".join(lines)))
    parts += _see_also(f"{PACKAGE}(1)")
    return _text(parts)


def _definition(item):
    text = " ".join(each.strip() for each in item.removeprefix("- ").splitlines())
    tag, colon, meaning = text.partition(": ")
    return roff.tagged(roff.prose(tag), meaning) if colon else roff.paragraph(text)
