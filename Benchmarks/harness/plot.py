"""The results as a picture: a row a case, a point a contender, seconds on a logarithmic scale."""
import pathlib
import subprocess
import tempfile

SCRIPT = """
set terminal svg size 1000,{height} font 'sans-serif,13' background '#ffffff'
set output '{output}'
set title 'Seconds, median of {rounds} rounds: further left is faster'
set logscale x
set yrange [-0.5:{rows} - 0.5]
set ytics ({labels})
set grid x y lc rgb '#dddddd'
set key outside bottom center horizontal
set border 3
set tics nomirror
plot {plots}
"""


def draw(results, rounds, path):
    """Draws what was timed; nothing when nothing was."""
    timed = [result for result in results if result.runs][::-1]
    titles = {}
    for result in timed[::-1]:
        titles.update(result.titles)
    if not timed:
        return
    with tempfile.TemporaryDirectory() as folder:
        plots = []
        for number, (name, title) in enumerate(titles.items()):
            data = pathlib.Path(folder, f"{number}.dat")
            data.write_text("".join(
                f"{result.median(name)} {row}\n" for row, result in enumerate(timed) if name in result.runs), "ascii")
            plots.append(f"'{data}' using 1:2 with points pt {number + 4} ps 1.2 lw 2 title '{title}'")
        labels = ", ".join(f"'{result.name}' {row}" for row, result in enumerate(timed))
        script = SCRIPT.format(
            height=140 + 34 * len(timed), output=path, rounds=rounds, rows=len(timed), labels=labels,
            plots=", ".join(plots))
        subprocess.run(["gnuplot"], input=script, text=True, check=True)
