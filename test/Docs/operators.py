"""Every operator that docs/Operators.md names is known, and one that it does not name is not."""
import re
import subprocess
import sys

text = open(sys.argv[1]).read()
rows = [line.split("|") for line in text.splitlines() if line.startswith("| ") and not line.startswith("| operators")]
named = sorted({name for row in rows for name in re.findall(r"\b[A-Z][A-Za-z0-9]+\b", re.sub(r"\(.*?\)", "", row[1]))})
body = "\n".join(f'  %{i} = pipe.onnx_node "{name}"() opset 23 present [] {{}} : () -> !pipe.unknown'
                 for i, name in enumerate([*named, "Resize"]))
done = subprocess.run(["bitpipe-opt", "-", "--pipe-check-nodes"], capture_output=True, text=True,
                      input=f"func.func @all() {{\n{body}\n  return\n}}\n")
unknown = re.findall(r"(\w+) '\?': not supported: this operator", done.stderr)
print(f"{len(named)} operators; unknown: {unknown}")
sys.exit(unknown != ["Resize"] or len(named) < 100)
