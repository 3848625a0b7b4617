#!/bin/sh
# sbatch examples/slurm-array.sh, then, when all parts are done:
#   xrayscan merge "$RESULTS"/part-*.csv --out "$RESULTS/all.csv" --films "$SCANS"
#SBATCH --job-name=xrayscan
#SBATCH --array=1-8
#SBATCH --cpus-per-task=4
#SBATCH --mem=4G
#SBATCH --time=04:00:00
# before the time is over the run finishes its batch; submitted again, it goes on from there
#SBATCH --signal=B:TERM@120
set -eu
SCANS=${SCANS:-/mnt/share/scans}
RESULTS=${RESULTS:-/mnt/share/results}
exec xrayscan predict "$SCANS" \
    --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" \
    --csv "$RESULTS/part-$SLURM_ARRAY_TASK_ID.csv" \
    --workers "${SLURM_CPUS_PER_TASK:-0}" --quiet
