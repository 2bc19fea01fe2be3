"""Groups Debian packages into store paths: packages that depend on each other in a cycle go together.

usage: plan.py "TOP-LEVEL NAMES" FILE.deb...     prints JSON for closure.nix
"""
import json
import os
import re
import subprocess
import sys

# Needed only by maintainer scripts, which never run here.
DROPPED = {"debconf", "dpkg", "install-info", "tar"}


def fields(file):
    text = subprocess.run(["dpkg-deb", "-W", "--showformat=${Package}\n${Version}\n${Depends},${Pre-Depends}", file],
                          check=True, capture_output=True, text=True).stdout
    package, version, depends = text.split("\n", 2)
    names = {re.split(r"[\s(:]", alternative.strip())[0] for alternative in re.split(r"[,|]", depends)}
    return package, version, names - {""} - DROPPED


def reachable(start, edges):
    seen, todo = {start}, [start]
    while todo:
        new = edges[todo.pop()] - seen
        seen |= new
        todo.extend(new)
    return seen


def main():
    top, debs = sys.argv[1].split(), {}
    for file in sys.argv[2:]:
        package, version, depends = fields(file)
        debs[package] = (file, version, depends)
    edges = {package: depends & debs.keys() for package, (_, _, depends) in debs.items()}
    reach = {package: reachable(package, edges) for package in debs}
    groups = {package: frozenset(other for other in reach[package] if package in reach[other]) for package in debs}

    def label(group):
        return min(group, key=lambda package: (package not in top, len(package), package))

    plan = {"top": sorted({label(groups[package]) for package in top}), "groups": {}}
    for group in set(groups.values()):
        name = label(group)
        plan["groups"][name] = {
            "name": re.sub(r"[^A-Za-z0-9+._?=-]", "-", f"{name}-{debs[name][1]}"),
            "debs": [{"path": os.path.abspath(debs[p][0]), "name": re.sub(r"[^A-Za-z0-9+._?=-]", "-", os.path.basename(debs[p][0]))}
                     for p in sorted(group)],
            "dependencies": sorted({label(groups[d]) for p in group for d in edges[p]} - {name}),
        }
    json.dump(plan, sys.stdout, indent=1)


main()
