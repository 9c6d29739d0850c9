"""The report page of an experiment, or of one run: what scripts/report writes.

    source        what there is to tell: a results folder, or the documents of one run
    cells         the runs by combination of levels: medians, spread, the run that stands for a cell
    units         figures as people read them, and the ticks of an axis
    curves        percentile, connect and time curves out of the programs' documents
    plot          a plot as data: panels, series, axes; nothing of gnuplot in it
    gnuplot       runs gnuplot, once for all plots; gnuplot_svg and gnuplot_text say what it draws, in
                  gnuplot_words
    svg           what gnuplot drew, as an SVG in classes instead of colours
    palette       the colours, light and dark
    dots, bars, lines      the plots that the page has, made of cells, slopes and curves
    markup        HTML elements; everything is escaped there
    sections, caveats, results, pictures, environment, single      the parts of the page
    style         the page's style sheet
    page          the parts in their order, and the document around them

It reads results through experiment.folder and experiment.figures, and writes nothing itself.
"""
