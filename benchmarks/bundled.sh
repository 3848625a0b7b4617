#!/usr/bin/env bash
# Makes the bundled models anew: about nine hours on two cores. A stopped training goes on by adding
# --resume to its line.
#
#     benchmarks/bundled.sh ../shared/data ../shared/weights models-anew
#
# Further options are given to each training: `--limit 300 --epochs 1` tries the whole way in less
# than an hour.
#
# first      children and adults, from ImageNet weights
# smoothed   trained on from it, behind two passes of a 3 x 3 mean, other findings among the negatives
# varied     trained on from first, on films varied as archives do, taught by the mean of both
# behind     varied as it is, behind two passes of the mean as well
# taught     trained on from behind, taught by the mean of smoothed and behind
# again      trained on from taught, taught by the mean of smoothed and taught
# margins    trained on from again, the same teacher, on films with margins painted over and drawn markers
# fast       margins as it is, behind three passes of the mean
# accurate   smoothed and fast, and both on mirror images
set -euo pipefail
data=$1 out=$3
lite0=$(realpath "$2/efficientnet_lite0_224_no_top.weights.h5")
shift 3
mkdir -p "$out"
python -m benchmarks.bundled_films "$data" "$out/films.csv"
python -m benchmarks.bundled_films "$data" "$out/with-others.csv" --other-findings
cd "$out"
xrayscan fit films.csv --preset bundled-first --from "$lite0" --out first "$@"
xrayscan fit with-others.csv --preset bundled-smoothed --from first --out smoothed "$@"
xrayscan fit with-others.csv --ensemble-of first --ensemble-of smoothed --out teacher
xrayscan fit films.csv --preset bundled-varied --from first --distill teacher --out varied "$@"
xrayscan fit films.csv --from varied --smoothing 2 --epochs 0 --out behind
xrayscan fit films.csv --mirrored --ensemble-of smoothed --ensemble-of behind --out mean
xrayscan fit films.csv --preset bundled-taught --from behind --distill mean --out taught "$@"
xrayscan fit films.csv --mirrored --ensemble-of smoothed --ensemble-of taught --out means
xrayscan fit films.csv --preset bundled-taught --from taught --distill means --out again "$@"
xrayscan fit films.csv --preset bundled-margins --from again --distill means --out margins "$@"
xrayscan fit films.csv --preset bundled-fast --from margins --out fast
# ./: a bare name would be the model of the package
xrayscan fit films.csv --preset bundled-accurate --ensemble-of smoothed --ensemble-of ./fast --out accurate
