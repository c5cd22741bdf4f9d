"""Trains a Hamiltonian network with PyTorch the way it was published, and says what that cost.

S. Greydanus, M. Dzamba, J. Yosinski, *Hamiltonian Neural Networks* (2019): an MLP d-200-200-1 with tanh and orthogonal
weights, its gradient by autograd, Adam at 1e-3, and after every step the loss on held-out data. One thread.

    hnn_torch.py TRAIN.csv HELD_OUT.csv --steps 2000 [--batch 200] [--weight-decay 1e-4] [--seed 0]

A CSV file holds one row per state and no header: the state [q, p], then its derivative. The last line printed is JSON: CPU
seconds of the training loop (data are read and the network is built before) and the part of them that held-out losses
took, the last losses, and the versions used.
"""

import argparse
import json
import resource
import time

import numpy
import torch


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def network(width, hidden):
    layers = [torch.nn.Linear(width, hidden), torch.nn.Linear(hidden, hidden), torch.nn.Linear(hidden, 1, bias=False)]
    for layer in layers:
        torch.nn.init.orthogonal_(layer.weight)
    return torch.nn.Sequential(layers[0], torch.nn.Tanh(), layers[1], torch.nn.Tanh(), layers[2])


def field(energy, x):
    """(dH/dp, -dH/dq) of every row."""
    gradient = torch.autograd.grad(energy(x).sum(), x, create_graph=True)[0]
    slope, velocity = gradient.chunk(2, dim=1)
    return torch.cat([velocity, -slope], dim=1)


def load(file):
    rows = torch.tensor(numpy.loadtxt(file, delimiter=",", ndmin=2), dtype=torch.float32)
    x, dx = rows.chunk(2, dim=1)
    return x.clone().requires_grad_(), dx


def pick(data, batch):
    if batch is None:
        return data
    x, dx = data
    rows = torch.randint(len(x), (batch,))
    return x[rows], dx[rows]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("train")
    parser.add_argument("held_out")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--hidden", type=int, default=200)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--weight-decay", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    train, held_out = load(arguments.train), load(arguments.held_out)
    energy = network(train[0].shape[1], arguments.hidden)
    optimizer = torch.optim.Adam(energy.parameters(), arguments.rate, weight_decay=arguments.weight_decay)

    began, began_wall, judging = cpu_seconds(), time.perf_counter(), 0.0
    for _ in range(arguments.steps):
        x, dx = pick(train, arguments.batch)
        loss = (dx - field(energy, x)).pow(2).mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        before = cpu_seconds()
        x, dx = pick(held_out, arguments.batch)
        held_out_loss = (dx - field(energy, x)).pow(2).mean().item()
        judging += cpu_seconds() - before
    print(json.dumps({
        "cpu_s": cpu_seconds() - began,
        "judging_cpu_s": judging,
        "wall_s": time.perf_counter() - began_wall,
        "loss": loss.item(),
        "held_out_loss": held_out_loss,
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
    }))


if __name__ == "__main__":
    main()
