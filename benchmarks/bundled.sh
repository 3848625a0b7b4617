#!/usr/bin/env bash
# Makes the bundled models anew: about eight hours on two cores. A stopped training goes on by adding
# --resume to its line.
#
#     benchmarks/bundled.sh shared/data shared/weights models-anew
#
# first      children and adults, from ImageNet weights
# smoothed   trained on from it, behind two passes of a 3 x 3 mean, other findings among the negatives
# varied     trained on from first, on films varied as archives do, taught by the mean of both
# behind     varied as it is, behind two passes of the mean as well
# taught     trained on from behind, taught by the mean of smoothed and behind
# accurate   smoothed and taught, and both on mirror images
# fast       trained on from taught, taught by accurate
set -euo pipefail
data=$1 out=$3
lite0=$(realpath "$2/efficientnet_lite0_224_no_top.weights.h5")
mkdir -p "$out"
python -m benchmarks.bundled_films "$data" "$out/films.csv"
python -m benchmarks.bundled_films "$data" "$out/with-others.csv" --other-findings
cd "$out"
xrayscan fit films.csv --preset bundled-first --from "$lite0" --out first
xrayscan fit with-others.csv --preset bundled-smoothed --from first --out smoothed
xrayscan fit with-others.csv --ensemble-of first --ensemble-of smoothed --out teacher
xrayscan fit films.csv --preset bundled-varied --from first --distill teacher --out varied
xrayscan fit films.csv --from varied --smoothing 2 --epochs 0 --out behind
xrayscan fit films.csv --mirrored --ensemble-of smoothed --ensemble-of behind --out mean
xrayscan fit films.csv --preset bundled-fast --from behind --distill mean --out taught
xrayscan fit films.csv --preset bundled-accurate --ensemble-of smoothed --ensemble-of taught --out accurate
xrayscan fit films.csv --preset bundled-fast --from taught --distill accurate --out fast
