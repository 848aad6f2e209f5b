#!/bin/sh
# Compares the drawing in the header of each schedule with what it gives.
# Usage: drawings.sh FAMILIES-FOLDER WORK-FOLDER
set -e
families=$1
work=$2
mkdir -p "$work"

# FILE NAME DEVICES MICROBATCHES; a row that ends with a comma goes on.
compare() {
  schedule-csv "$2" "$3" "$4" > "$work/$1.got"
  sed -n 's|^//   ||p' "$families/$1.cpp" |
    sed -e ':join' -e '/,$/{N;s/\n *//;bjoin' -e '}' > "$work/$1.drawn"
  diff "$work/$1.drawn" "$work/$1.got"
}

compare GPipe gpipe 3 2
compare OneFOneB 1f1b 3 4
compare Interleaved interleaved 2 2
compare BreadthFirst breadth-first 2 2
compare PipeDream pipedream 3 4
compare BPipe bpipe 4 4
compare ZeroBubbleH zb-h1 2 3
compare ZeroBubbleV zb-v 2 3
compare VHalf v-half 2 3
compare Chimera chimera 4 4
compare ChimeraDoubling chimera-doubling 2 4
compare DualPipe dualpipev 1 3
compare Hanayo hanayo 2 2
compare MixPipe mixpipe 4 4
compare BitPipePublished bitpipe-published 4 4
compare BitPipe bitpipe 4 4
echo all drawings agree
