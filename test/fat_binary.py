"""The images of a fat binary, read apart from bitpipe's own reader.

    python fat_binary.py FILE [--save=KIND.ARCH=PATH]

prints a line for each, and writes that of this kind (elf or ptx) and architecture to a file."""
import struct
import sys

MAGIC, KINDS = 0xBA55ED50, {1: "ptx", 2: "elf"}


def images(content):
    """Kind, architecture and bytes of each; what follows the fat binary is left out."""
    magic, version, header, size = struct.unpack_from("<IHHQ", content)
    assert magic == MAGIC and version == 1, (hex(magic), version)
    at, end = header, header + size
    assert end <= len(content), (end, len(content))
    while at < end:
        kind, _, header, size, compressed, _, _, arch = struct.unpack_from("<HHIQIIII", content, at)
        assert compressed == 0, compressed
        yield KINDS[kind], f"sm_{arch}", content[at + header:at + header + size]
        at += header + size
    assert at == end, (at, end)


def main(path, *options):
    with open(path, "rb") as file:
        found = {(kind, arch): code for kind, arch, code in images(file.read())}
    for (kind, arch), code in found.items():
        print(kind, arch, len(code))
    for option in options:
        what, target = option.removeprefix("--save=").split("=")
        kind, arch = what.split(".")
        code = found[kind, arch]
        with open(target, "wb") as file:
            file.write(code.rstrip(b"\0") if kind == "ptx" else code)


if __name__ == "__main__":
    main(*sys.argv[1:])
