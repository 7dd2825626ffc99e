#!/usr/bin/env python3
"""What Atelier's speed is held to, beside PyTorch and OpenVINO: the work behind bench/commitments.sh.

    commitments.py rows                        the names of the rows
    commitments.py measure ATELIER SCRATCH ROW measures one row and keeps it in SCRATCH/results/ROW.json
    commitments.py table SCRATCH               the rows that are there, as Markdown

In a row all take turns (ours, peer, peer, ours, …) on the same cores, each in a process of its own that taskset binds. Peers
stay loaded and are stopped (SIGSTOP) while it is not their turn; Atelier loads its model anew for each turn and warms up by
one call, as `atelier bench` does. A turn is a few calls; a row gives the median of the turns' medians and the least of all.
Beside it stands what the hypervisor took (steal) and what other programs used of all cores meanwhile."""

import dataclasses
import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

SIDE = 512
PEERS_DIR = pathlib.Path(__file__).parent
PYTHONS = {"torch": os.environ.get("TORCH_PYTHON", "python3"), "openvino": os.environ.get("OPENVINO_PYTHON", "python3")}
TITLES = {"torch": "PyTorch", "openvino": "OpenVINO"}
PICTURES_A_TURN = 6  # the first of them warms up


@dataclasses.dataclass
class Row:
    title: str
    model: str
    stage: str
    policy: str
    threads: int
    turns: int
    calls: int  # a turn, of each
    most_ms: float | None = None  # the commitment
    goal_ms: float | None = None
    torch: float | None = None  # how many times as fast as it is committed to; 0: only shown
    openvino: float | None = None
    goal_torch: float | None = None

    def peers(self):
        return [name for name in ("torch", "openvino") if getattr(self, name) is not None]


ROWS = {
    "unet-bf16-2": Row("UNet step bf16, 2 threads", "sd15", "unet_step", "bf16", 2, 3, 3, 950, 600, 2, 1),
    "unet-bf16-1": Row("UNet step bf16, 1 thread", "sd15", "unet_step", "bf16", 1, 2, 2, 1900, 1200, 0, 1),
    "unet-int8-2": Row("UNet step int8, 2 threads", "sd15", "unet_step", "int8", 2, 3, 4, 750, 400, None, 1),
    "unet-int8-1": Row("UNet step int8, 1 thread", "sd15", "unet_step", "int8", 1, 3, 3, None, None, None, 1),
    "vae-bf16-2": Row("VAE decode 512 × 512 bf16, 2 threads", "sd15", "vae_decode", "bf16", 2, 3, 2, 1100, 800, 0, 1),
    "vae-bf16-1": Row("VAE decode 512 × 512 bf16, 1 thread", "sd15", "vae_decode", "bf16", 1, 2, 2, None, None, 0, 1),
    "text-bf16-2": Row("text encoder, 77 × 2 tokens, bf16, 2 threads", "sd15", "text_encode", "bf16", 2, 5, 20, 25, 12, 0, 0),
    "sdxs-2": Row("SDXS-512 + tiny VAE, whole picture, bf16, 2 threads", "sdxs", "picture", "bf16", 2, 4, 5, 450, 250, 0, 0),
    "unet-fp32-2": Row("UNet step fp32, 2 threads", "sd15", "unet_step", "fp32", 2, 2, 1, None, None, 1, None, 1.2),
}


# ---- who is measured ----


class Peer:
    """A process of resident.py, stopped between its turns."""

    def __init__(self, engine, scratch, row):
        words = [PYTHONS[engine], str(PEERS_DIR / "resident.py"), engine, str(scratch / row.model), row.stage, row.policy,
                 str(row.threads), str(scratch / "openvino"), str(SIDE)]
        words += ["single"] if row.stage == "picture" else []
        words = ["setpriv", "--pdeathsig", "KILL", *bound(row.threads), *words]  # a stopped peer outlives nobody
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=os.environ | {"OMP_NUM_THREADS": str(row.threads)})
        ready, _, self.version = self.process.stdout.readline().strip().partition(" ")
        if ready != "ready":
            sys.exit(f"{TITLES[engine]} did not begin: {' '.join(words)}")
        self.process.send_signal(signal.SIGSTOP)

    def turn(self, calls):
        self.process.send_signal(signal.SIGCONT)
        self.process.stdin.write(f"{calls}\n")
        self.process.stdin.flush()
        times = json.loads(self.process.stdout.readline())
        self.process.send_signal(signal.SIGSTOP)
        return times

    def cpu_s(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self):
        self.process.stdin.close()
        self.process.send_signal(signal.SIGCONT)
        self.process.wait()


def bound(threads):
    cpus = sorted(os.sched_getaffinity(0))[:threads]
    return ["taskset", "-c", ",".join(map(str, cpus))]


def stage_turn(atelier, model, row):
    """[median, least] of the calls of one `atelier bench`."""
    words = [atelier, "bench", "-m", model, "-s", row.stage, "--policy", row.policy, "-t", row.threads, "-W", SIDE,
             "-r", row.calls, "--no-ceilings", "--no-history", "-o", "json"]
    done = subprocess.run(bound(row.threads) + list(map(str, words)), check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL)
    found = next(line for line in json.loads(done.stdout) if line["kind"] == "stage")
    return found["median"], found["least"]


def picture_turn(atelier, model, row):
    """[median, least] of whole pictures of a run, from the prompt to the PNG at the coordinator; the first is left out."""
    with tempfile.TemporaryDirectory() as folder:
        prompts, out = pathlib.Path(folder, "prompts.txt"), pathlib.Path(folder, "out")
        prompts.write_text("".join(f"a red house and {i} trees\n" for i in range(PICTURES_A_TURN)))
        words = [atelier, "run", prompts, "-m", model, "-o", out, "--policy", row.policy, "-w", 1, "-t", row.threads,
                 "--no-history", "-q"]
        subprocess.run(bound(row.threads) + list(map(str, words)), check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        lines = [json.loads(line) for line in (out / "timings.jsonl").read_text().splitlines()]
    times = [(line["ended_ns"] - line["begun_ns"]) / 1e6 for line in sorted(lines, key=lambda line: line["begun_ns"])]
    return statistics.median(times[1:]), min(times[1:])


# ---- one row ----


def machine_times():
    """(busy, stolen) seconds of all CPUs since the machine began."""
    user, nice, system, _, _, irq, softirq, steal = map(int, pathlib.Path("/proc/stat").read_text().split()[1:9])
    tick = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + irq + softirq) / tick, steal / tick


def own_s(peers):
    children = os.times()
    return children.children_user + children.children_system + sum(peer.cpu_s() for peer in peers)


def share(seconds, wall_s):
    return round(100 * seconds / (wall_s * os.cpu_count()), 1)


def measure(atelier, scratch, name):
    row = ROWS[name]
    ours_turn = picture_turn if row.stage == "picture" else stage_turn
    peers = {engine: Peer(engine, scratch, row) for engine in row.peers()}
    turns = {engine: [] for engine in ["ours", *peers]}
    begun, (busy, stolen), own = time.monotonic(), machine_times(), own_s(peers.values())
    for _ in range(row.turns):
        turns["ours"].append(ours_turn(atelier, str(scratch / row.model), row))
        for engine, peer in peers.items():
            times = peer.turn(row.calls)
            turns[engine].append((statistics.median(times), min(times)))
    wall_s, (busy_now, stolen_now) = time.monotonic() - begun, machine_times()
    result = {"row": name, "steal": share(stolen_now - stolen, wall_s),
              "others": max(0.0, share(busy_now - busy - (own_s(peers.values()) - own), wall_s)),
              "versions": [peer.version for peer in peers.values()],
              "turns": {engine: [round(median, 1) for median, _ in all_of] for engine, all_of in turns.items()}}
    for engine, all_of in turns.items():
        result[engine] = {"median": statistics.median(m for m, _ in all_of), "least": min(least for _, least in all_of)}
    for peer in peers.values():
        peer.close()
    (scratch / "results").mkdir(exist_ok=True)
    (scratch / "results" / f"{name}.json").write_text(json.dumps(result))
    print(json.dumps(result), flush=True)


# ---- the table ----


def faults(row, result):
    """What of the commitment is not held."""
    ours, found = result["ours"]["median"], []
    if row.most_ms and ours > row.most_ms:
        found.append(f"{ours / row.most_ms:.2f} × the time")
    for engine in row.peers():
        wanted = getattr(row, engine)
        if wanted and ours * wanted > result[engine]["median"]:
            found.append(f"{result[engine]['median'] / ours:.2f} × {TITLES[engine]}")
    return found


def commitment(row):
    words = [f"{row.most_ms:g} ms"] if row.most_ms else []
    words += [f"{getattr(row, engine):g} × {TITLES[engine]}" for engine in row.peers() if getattr(row, engine)]
    return ", ".join(words)


def goal(row):
    return f"{row.goal_ms:g} ms" if row.goal_ms else f"{row.goal_torch:g} × PyTorch" if row.goal_torch else ""


def reaches_goal(row, result):
    ours = result["ours"]["median"]
    by_time = row.goal_ms and ours <= row.goal_ms
    return by_time or (row.goal_torch and result["torch"]["median"] >= ours * row.goal_torch)


def figure(result, engine):
    if engine not in result:
        return ""
    decimals = 1 if result[engine]["median"] < 100 else 0
    return f"{result[engine]['median']:,.{decimals}f} ({result[engine]['least']:,.{decimals}f})"


def table(scratch):
    print("| | commitment | goal | Atelier | PyTorch | OpenVINO | times as fast | | steal, others |")
    print("|---|---|---|--:|--:|--:|--:|---|--:|")
    versions = set()
    for name, row in ROWS.items():
        path = scratch / "results" / f"{name}.json"
        if not path.exists():
            continue
        result = json.loads(path.read_text())
        versions |= set(result["versions"])
        ratios = ", ".join(f"{result[e]['median'] / result['ours']['median']:.2f}" for e in row.peers())
        verdict = "missed: " + ", ".join(faults(row, result)) if faults(row, result) else "held"
        verdict = "goal" if reaches_goal(row, result) and verdict == "held" else verdict
        print(f"| {row.title} | {commitment(row)} | {goal(row)} | {figure(result, 'ours')} | {figure(result, 'torch')} | "
              f"{figure(result, 'openvino')} | {ratios} | {verdict} | {result['steal']} %, {result['others']} % |")
    print(f"\nMilliseconds, medians and (least); {', '.join(sorted(versions))}.")


def main():
    command, *rest = sys.argv[1:]
    if command == "rows":
        print("\n".join(ROWS))
    elif command == "measure":
        measure(shutil.which(rest[0]) or rest[0], pathlib.Path(rest[1]), rest[2])
    else:
        table(pathlib.Path(rest[0]))


if __name__ == "__main__":
    main()
