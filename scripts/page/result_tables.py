"""The tables of results: medians per cell, and each level compared with its baseline."""

from experiment import answer_text

from . import markup, units


def cells(grid):
    if not any(cell.runs for cell in grid.cells) or not grid.factors:
        return None
    caption = "Runs per cell; medians, and below them minimum and maximum"
    main = cell_table(grid, grid.main_figures(), caption)
    others = grid.other_figures()
    rest = [
        cell_table(grid, others[at : at + 7], "Medians, and below them minimum and maximum")
        for at in range(0, len(others), 7)
    ]
    folded = markup.details(f"All other figures ({len(others)})", *rest) if others else None
    fixed = _fixed(grid)
    return markup.section("cells", "Results", main, fixed, folded)


def _fixed(grid):
    if not grid.constant:
        return None
    words = ", ".join(f"{factor.name} {factor.levels[0]}" for factor in grid.constant)
    return markup.paragraph(f"The same in all runs: {words}.", "how")


def cell_table(grid, figures, caption):
    if not figures:
        return None
    scales = {
        name: units.scale([cell.median(name) for cell in grid.cells], grid.unit(name))
        for name in figures
    }
    names = [factor.name for factor in grid.factors]
    heads = [*names, "runs", *(_head(grid, name, scales[name]) for name in figures)]
    table = markup.Table(caption, heads, text=len(names))
    for cell in grid.cells:
        measured, all_runs = len(cell.measured), len(cell.runs)
        count = f"{measured}" if measured == all_runs else f"{measured} of {all_runs}"
        row = [cell.levels.get(name, "-") for name in names]
        told = (_figure(cell, name, scales[name], name == grid.primary) for name in figures)
        table.add(*row, count, *told)
    return table.markup()


def _head(grid, name, scale):
    words = grid.heading(name)
    if not scale.unit:
        return words
    unit = "per second" if scale.unit == "/s" else scale.unit
    return markup.escaped([words, " ", markup.element("span", f"({unit})", class_="unit")])


def _figure(cell, name, scale, primary):
    values = cell.values(name)
    if not values:
        return "-"
    median = scale.number(cell.median(name))
    low, high = scale.number(min(values)), scale.number(max(values))
    between = "" if low == high else markup.element("span", f"{low} to {high}", class_="range")
    return markup.element("span", median, between, class_="primary" if primary else None)


# ---- comparisons ---------------------------------------------------------------------------------
def comparisons(grid, answers, figure):
    if not answers:
        return None
    mine = [one for one in answers if one.figure == grid.primary]
    joined = [one for one in mine if not one.given]
    given = [one for one in mine if one.given]
    rest = [one for one in answers if one.figure != grid.primary]
    words = grid.words(grid.primary)
    confidence = 100 * grid.confidence
    caption = f"{words[:1].upper()}{words[1:]}: each level compared with its baseline"
    main = _answer_table(grid, joined or given, caption)
    how = markup.paragraph(
        "Runs are paired within a block, at the same levels of the other factors; the ratio is the "
        f"estimate over all pairs. Its interval covers the true ratio with a probability of "
        f"{confidence:g} % or more. p is adjusted by Holm for all comparisons of this table.",
        "how",
    )
    in_words = markup.notes([one.text for one in joined or given])
    folded = others = None
    if joined and given:
        folded = markup.details(
            f"At each level of the other factors ({len(given)})",
            _answer_table(
                grid,
                given,
                "The same comparisons at each level of the other factors; they carry no verdict",
            ),
        )
    if rest:
        caption = "Other figures; their intervals are not adjusted for the number of comparisons"
        others = markup.details(
            f"Comparisons of other figures ({len(rest)})", _answer_table(grid, rest, caption)
        )
    return markup.section("comparisons", "Comparisons", in_words, figure, main, how, folded, others)


def _answer_table(grid, answers, caption):
    if not answers:
        return None
    several = len({one.figure for one in answers}) > 1 or answers[0].figure != grid.primary
    adjusted = any(one.p_adjusted is not None for one in answers)
    heads = (["figure"] if several else []) + ["level", "baseline"]
    text = len(heads)
    heads += ["pairs", "ratio", "interval", "change", "p after Holm" if adjusted else "p"]
    table = markup.Table(caption, heads, text)
    for one in answers:
        where = f", {one.where()}" if one.given else ""
        first = [grid.words(one.figure)] if several else []
        p = one.p_adjusted if adjusted else one.p
        table.add(
            *first,
            f"{one.factor} {one.level}{where}",
            one.baseline,
            "-" if one.pairs is None else f"{one.pairs:,.0f}",
            "-" if one.ratio is None else f"{one.ratio:.3f}",
            "-" if one.low is None or one.high is None else f"{one.low:.3f} to {one.high:.3f}",
            units.change(one.ratio),
            "-" if p is None else answer_text.p_text(p),
        )
    return table.markup()
