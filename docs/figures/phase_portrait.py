"""Draws phase_portrait.svg: what the demo learned from, and what the device makes of it.

usage: python3 phase_portrait.py HNN DEMO_DIR OUT.svg      (HNN: the binary; DEMO_DIR: what `hnn demo --out` wrote)
Dots are the noisy training states kept in the manifest; curves are orbits of the exported device program, 800 steps each.
Needs nothing but Python.
"""
import csv
import json
import subprocess
import sys
import tempfile

hnn, demo, out = sys.argv[1:4]
STARTS = [(0.4, 0), (0.9, 0), (1.4, 0), (1.9, 0), (2.4, 0), (2.9, 0), (-3.4, 0.9), (3.4, -0.9)]
STEPS = 800
WIDTH, HEIGHT, LEFT, TOP = 720, 380, 52, 16
Q, P = (-3.6, 3.6), (-3.0, 3.0)


def x(q):
    return LEFT + (q - Q[0]) / (Q[1] - Q[0]) * (WIDTH - LEFT - 12)


def y(p):
    return TOP + (P[1] - p) / (P[1] - P[0]) * (HEIGHT - TOP - 44)


def orbit(q, p):
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        start = f"--x0={q},{p}"
        subprocess.run([hnn, "simulate", f"{demo}/export", start, "--steps", str(STEPS), "--out", file.name],
                       check=True, stdout=subprocess.DEVNULL)
        rows = list(csv.DictReader(open(file.name)))
    points = [(float(row["q1"]), float(row["p1"])) for row in rows]
    return [(q, p) for q, p in points[::4] if Q[0] <= q <= Q[1] and P[0] <= p <= P[1]]


parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12" role="img">',
         '<title>Phase portrait of the learned pendulum: noisy training states and orbits of the device program</title>',
         f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>']
for tick in range(-3, 4):
    parts.append(f'<path d="M{x(tick):.1f} {y(P[0]):.1f}V{y(P[1]):.1f}" stroke="#eeeeee"/>'
                 f'<text x="{x(tick):.1f}" y="{y(P[0]) + 16:.1f}" text-anchor="middle" fill="#555555">{tick}</text>')
for tick in range(-3, 4):
    parts.append(f'<path d="M{x(Q[0]):.1f} {y(tick):.1f}H{x(Q[1]):.1f}" stroke="#eeeeee"/>'
                 f'<text x="{LEFT - 8}" y="{y(tick) + 4:.1f}" text-anchor="end" fill="#555555">{tick}</text>')
for q, p in json.load(open(f"{demo}/export/manifest.json"))["samples"]["x"]:
    parts.append(f'<circle cx="{x(q):.1f}" cy="{y(p):.1f}" r="2" fill="#d08770" fill-opacity="0.75"/>')
for start in STARTS:
    points = orbit(*start)
    line = "".join(f"{'L' if at else 'M'}{x(q):.1f} {y(p):.1f}" for at, (q, p) in enumerate(points))
    parts.append(f'<path d="{line}" fill="none" stroke="#2e5e8c" stroke-width="1.1"/>')
parts.append(f'<text x="{(x(Q[0]) + x(Q[1])) / 2:.0f}" y="{HEIGHT - 8}" text-anchor="middle">angle q, rad</text>')
parts.append(f'<text transform="translate(14 {(y(P[0]) + y(P[1])) / 2:.0f}) rotate(-90)" text-anchor="middle">momentum p</text>')
parts.append("</svg>")
open(out, "w").write("\n".join(parts) + "\n")
