"""The report page of an experiment, or of one run: what scripts/report writes.

    page_input      reads a results folder, or the documents of one run
    fields          typed access to the fields of JSON documents
    cell_grid       the runs by combination of levels: medians, spread, the run that represents a cell
    comparisons     each level compared with its baseline, as the experiment recorded it
    units           formats figures, and computes the ticks of an axis
    curve_points    percentile, connect and time curves from the programs' documents
    plot            a plot as data: panels, series, axes; independent of gnuplot
    gnuplot         runs gnuplot, once for all plots; gnuplot_svg and gnuplot_text write its scripts,
                    gnuplot_syntax holds what both share
    svg             turns gnuplot's output into an SVG with classes instead of colours
    palette         the colours, light and dark
    dot_plot, line_plot, stack_bar_chart      the plots of the page
    captioned_plots     a plot in the page: its caption, and its figures in a table
    markup          HTML elements; all text is escaped there
    text_sections, warnings_section, result_tables, environment, single_run      sections of the page
    merged, rank_tables     the ranks of a fleet, in the page of a merged document
    run_commands    the commands that repeat a run by hand
    style           the style sheet
    page            the sections in their order, and the document around them

It reads results through experiment.folder and experiment.figures, and writes nothing itself.
"""
