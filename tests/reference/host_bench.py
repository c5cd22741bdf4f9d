"""What one step costs a user of SciPy and PyTorch: the same network, its field by autograd, stepped from Python.

usage: host_bench.py WIDTHS BATCH SECONDS

WIDTHS is comma-separated, from the state to the energy; prints one JSON object. One thread.
"""

import json
import sys
import time

import numpy as np
import torch
from scipy.integrate import solve_ivp

torch.set_num_threads(1)


def network(widths):
    layers = []
    for index, (fan_in, fan_out) in enumerate(zip(widths, widths[1:])):
        layers.append(torch.nn.Linear(fan_in, fan_out))
        if index + 2 < len(widths):
            layers.append(torch.nn.Tanh())
    return torch.nn.Sequential(*layers)


def field(energy, x):
    x = x.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(energy(x).sum(), x)
    half = gradient.shape[1] // 2
    return torch.cat([gradient[:, half:], -gradient[:, :half]], 1)


def leapfrog(energy, x, dt):
    """Kick, drift, kick; each half takes its part of one gradient, as autograd gives it."""
    half = x.shape[1] // 2
    q, p = x[:, :half], x[:, half:]
    p = p + 0.5 * dt * field(energy, torch.cat([q, p], 1))[:, half:]
    q = q + dt * field(energy, torch.cat([q, p], 1))[:, :half]
    p = p + 0.5 * dt * field(energy, torch.cat([q, p], 1))[:, half:]
    return torch.cat([q, p], 1)


def rate(step, seconds):
    """Steps per second of the fastest of five spans."""
    best = 0.0
    for _ in range(5):
        count, begun = 0, time.perf_counter()
        while time.perf_counter() - begun < seconds / 5:
            step()
            count += 1
        best = max(best, count / (time.perf_counter() - begun))
    return best


def main():
    widths = [int(width) for width in sys.argv[1].split(",")]
    batch, seconds = int(sys.argv[2]), float(sys.argv[3])
    torch.manual_seed(0)
    energy = network(widths)
    state = {"one": torch.rand(1, widths[0]), "many": torch.rand(batch, widths[0])}

    def stepped(name):
        state[name] = leapfrog(energy, state[name], 0.01)

    def slope(_, x):
        return field(energy, torch.tensor(x[None], dtype=torch.float32))[0].numpy().astype(np.float64)

    begun = time.perf_counter()
    steps = 200
    solve_ivp(slope, (0, steps * 0.01), np.full(widths[0], 0.5), t_eval=np.arange(steps) * 0.01, rtol=1e-6, atol=1e-9)
    scipy = steps / (time.perf_counter() - begun)
    print(
        json.dumps(
            {
                "torch": torch.__version__,
                "torch_single": rate(lambda: stepped("one"), seconds),
                "torch_batched": rate(lambda: stepped("many"), seconds) * batch,
                "scipy_single": scipy,
            }
        )
    )


if __name__ == "__main__":
    main()
