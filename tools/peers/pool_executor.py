"""What bench/dispatch_bench.c measures, with Python's ProcessPoolExecutor: results a second through a pool of
processes that do nothing, tiny ones and of one megabyte.

    python3 tools/peers/pool_executor.py [WORKERS [SECONDS]]
"""

import sys
import time
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait

MOST_IN_FLIGHT = 48
WARM_UP_JOBS = 200


def paint(n_bytes):
    return bytes(n_bytes)


def drive(pool, n_bytes, least_jobs, seconds):
    begun = time.monotonic()
    submitted = collected = 0
    flying = set()
    while flying or submitted < least_jobs or time.monotonic() - begun < seconds:
        more = submitted < least_jobs or time.monotonic() - begun < seconds
        while more and len(flying) < MOST_IN_FLIGHT:
            flying.add(pool.submit(paint, n_bytes))
            submitted += 1
        done, flying = wait(flying, return_when=FIRST_COMPLETED)
        for future in done:
            assert len(future.result()) == n_bytes
        collected += len(done)
    return collected / (time.monotonic() - begun)


def main():
    workers = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 3
    for what, n_bytes in ("tiny", 192), ("one megabyte", 1000000):
        with ProcessPoolExecutor(workers) as pool:
            drive(pool, n_bytes, WARM_UP_JOBS, 0)
            rate = drive(pool, n_bytes, 0, seconds)
        print(f"{what:14} {workers} workers, ProcessPoolExecutor: {rate:8.0f} results/s, {rate * n_bytes / 1e6:7.1f} MB/s")


if __name__ == "__main__":
    main()
