"""Trains a work of works.py with PyTorch on the CPU and prints one JSON line:
eager or compiled in one process, or with one of PyTorch's own pipeline schedules."""

import argparse
import json
import os
import statistics
import time

import torch
import torch.distributed as dist
import torch.distributed.pipelining as pipelining
import torch.multiprocessing as mp
import works
from process import peak_memory
from torch.nn import functional as F

SCHEDULES = {
    "gpipe": pipelining.ScheduleGPipe,
    "1f1b": pipelining.Schedule1F1B,
    "interleaved": pipelining.ScheduleInterleaved1F1B,
}
RANKS = int(os.environ.get("RANKS", 2))  # spawned processes read it, too


class GPTPart(torch.nn.Module):
    """Some consecutive blocks of a GPT, with its ends where they belong."""

    def __init__(self, model, begin, end):
        super().__init__()
        first, last = begin == 0, end == len(model.blocks)
        self.tokens = model.tokens if first else None
        self.positions = model.positions if first else None
        self.blocks = model.blocks[begin:end]
        self.norm = model.norm if last else torch.nn.Identity()
        self.head = model.head if last else torch.nn.Identity()

    def forward(self, x):
        if self.tokens is not None:
            x = self.tokens(x) + self.positions(torch.arange(x.shape[1]))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


class LlamaPart(torch.nn.Module):
    """The same of a LLaMA of transformers: each part has the rotations of all positions."""

    def __init__(self, model, begin, end):
        super().__init__()
        whole, head = model.model.model, model.model.lm_head
        first, last = begin == 0, end == len(whole.layers)
        self.tokens = whole.embed_tokens if first else torch.nn.Identity()
        self.rotations = whole.rotary_emb
        self.blocks = whole.layers[begin:end]
        self.norm = whole.norm if last else torch.nn.Identity()
        self.head = head if last else torch.nn.Identity()

    def forward(self, x):
        x = self.tokens(x)
        rotations = self.rotations(x, torch.arange(x.shape[1])[None])
        for block in self.blocks:
            x = block(x, attention_mask=None, position_embeddings=rotations)
        return self.head(self.norm(x))


PARTS = {"gpt": GPTPart, "llama": LlamaPart}


def loss_of(logits, labels):
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten())


def optimizer_of(parameters):
    return torch.optim.AdamW(parameters, lr=1e-3, weight_decay=0.01, fused=True)


def batches(work, steps):
    ids, labels = works.make_data(work, steps)
    size = work["microbatches"] * work["microbatch"]
    return list(zip(ids.split(size), labels.split(size)))


def timed(step, data):
    """Runs every step; its seconds and losses."""
    seconds, losses = [], []
    for ids, labels in data:
        begin = time.perf_counter()
        losses.append(step(ids, labels))
        seconds.append(time.perf_counter() - begin)
    return seconds, losses


def train_alone(work, steps, compiled):
    torch.set_num_threads(RANKS)
    model = works.make(work)
    optimizer = optimizer_of(model.parameters())
    loss_for = torch.compile(lambda x, y: loss_of(model(x), y)) if compiled else lambda x, y: loss_of(model(x), y)

    def step(ids, labels):
        optimizer.zero_grad()
        total = 0.0
        for x, y in zip(ids.split(work["microbatch"]), labels.split(work["microbatch"])):
            loss = loss_for(x, y) / work["microbatches"]
            loss.backward()
            total += loss.item()
        optimizer.step()
        return total

    seconds, losses = timed(step, batches(work, steps))
    return {"seconds": seconds, "losses": losses, "memory": [peak_memory()]}


def make_schedule(work, name, cuts, rank):
    """This rank's stages; stage s is on rank s modulo the number of ranks."""
    model = works.make(work)
    ends = [sum(cuts[: i + 1]) for i in range(len(cuts))]
    part_of = PARTS[work["model"]]
    parts = [part_of(model, end - size, end) for size, end in zip(cuts, ends)]
    stages = [
        pipelining.PipelineStage(part, index, len(parts), torch.device("cpu"))
        for index, part in enumerate(parts)
        if index % RANKS == rank
    ]
    schedule = SCHEDULES[name]
    multi = issubclass(schedule, pipelining.schedules.PipelineScheduleMulti)
    mine = stages if multi else stages[0]
    parameters = [p for stage in stages for p in stage.submod.parameters()]
    return schedule(mine, work["microbatches"], loss_fn=loss_of), parameters


def train_rank(rank, work, steps, name, cuts, port, results):
    torch.set_num_threads(1)
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    dist.init_process_group("gloo", rank=rank, world_size=RANKS)
    schedule, parameters = make_schedule(work, name, cuts, rank)
    optimizer = optimizer_of(parameters)
    first, last = rank == 0, rank == RANKS - 1

    def step(ids, labels):
        optimizer.zero_grad()
        losses = []
        schedule.step(*([ids] if first else []), target=labels if last else None,
                      losses=losses)
        optimizer.step()
        return sum(loss.item() for loss in losses) / work["microbatches"]

    seconds, losses = timed(step, batches(work, steps))
    results.put((rank, seconds, losses, peak_memory()))
    dist.destroy_process_group()


def train_pipeline(work, steps, name, cuts, port):
    context = mp.get_context("spawn")
    results = context.SimpleQueue()
    mp.start_processes(train_rank, (work, steps, name, cuts, port, results), RANKS,
                       start_method="spawn")
    ranks = sorted(results.get() for _ in range(RANKS))
    return {"seconds": ranks[-1][1], "losses": ranks[-1][2],
            "memory": [memory for *_, memory in ranks]}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work")
    parser.add_argument("schedule", choices=["eager", "compile", *SCHEDULES])
    parser.add_argument("--cuts", help="blocks of every stage, as 5,3")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--port", type=int, default=29533)
    args = parser.parse_args()
    work = works.work(args.work)
    if args.schedule in ("eager", "compile"):
        result = train_alone(work, args.steps, args.schedule == "compile")
    else:
        cuts = [int(size) for size in args.cuts.split(",")]
        result = train_pipeline(work, args.steps, args.schedule, cuts, args.port)
    result["step_seconds"] = statistics.median(result["seconds"][1:])
    print(json.dumps(result))


if __name__ == "__main__":
    main()
