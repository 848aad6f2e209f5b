"""Runs the console blocks of a Markdown page and compares what they print with the page.

    python console.py PAGE.md [--update]

In a block that starts with ```console, a line `$ command` is run by bash in a fresh folder that lasts for the whole
page; the lines after it, up to the next command, are what it must print. A line that is just `...` stands for any
number of lines, and one at the end of a line for the rest of it. A block that starts with ```file NAME is written to that folder first. With --update the page is
rewritten with what was printed; a block that has `...` keeps its lines and is only checked.
"""
import os
import re
import subprocess
import sys
import tempfile


def matches(want, got):
    """True if the lines of `want`, where `...` stands for any text, are those of `got`."""
    def line_pattern(line):
        if line == "...":
            return ".*"
        if line.endswith("..."):
            return re.escape(line[:-3]) + "[^\n]*\n"
        return re.escape(line) + "\n"

    pattern = "".join(map(line_pattern, want))
    return re.fullmatch(pattern, "".join(line + "\n" for line in got), re.DOTALL) is not None


def split_commands(lines):
    commands = []
    for line in lines:
        if line.startswith("$ "):
            commands.append((line[2:], []))
        elif commands:
            commands[-1][1].append(line)
    return commands


def run(command, folder):
    done = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True)
    return [line.rstrip() for line in (done.stdout + done.stderr).splitlines()]


def check_block(lines, folder, update):
    """Runs one block; returns its lines as they should be and the number of differences."""
    result, failures = [], 0
    for command, want in split_commands(lines):
        got = run(command, folder)
        result.append("$ " + command)
        if matches(want, got):
            result += want
            continue
        if update and "..." not in want:
            result += got
            continue
        failures += 1
        print(f"$ {command}", "expected:", *want, "got:", *got, sep="\n  ")
        result += want
    return result, failures


def check_page(path, update):
    with open(path) as file:
        text = file.read()
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        def visit(match):
            nonlocal failures
            opening, body = match.group(1), match.group(2)
            lines = body.splitlines()
            if opening.startswith("file "):
                with open(os.path.join(folder, opening[5:]), "w") as file:
                    file.write(body)
                return match.group(0)
            lines, failed = check_block(lines, folder, update)
            failures += failed
            return "```console\n" + "".join(line + "\n" for line in lines) + "```"

        updated = re.sub(r"```(console|file [^\n]*)\n(.*?)```", visit, text, flags=re.DOTALL)
    if update:
        with open(path, "w") as file:
            file.write(updated)
    return failures


if __name__ == "__main__":
    sys.exit(1 if check_page(sys.argv[1], "--update" in sys.argv[2:]) else 0)
