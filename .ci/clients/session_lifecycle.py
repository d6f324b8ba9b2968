#!/usr/bin/env python3
"""Lives a whole life at each door over HTTP: signs in, calls, is renewed, leaves, and is refused after that.

URL is where the doors are, ENDPOINT the DynamoDB API of the same server, and POSTERN the command line, which makes the
users and counts their sessions. A refresh token that is younger than 30 seconds is answered with itself, so renewals
rotate only where the pause is longer; then a stolen token is tried, too. `changer` has to change the password first.
"""

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor

from lifecycle import Life
from http_client import Unexpected


def main():
    lives = ["account", "session", "mfa", "email", "changer"]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ["url", "endpoint", "postern"]:
        parser.add_argument(name)
    parser.add_argument("--renewals", type=int, default=10)
    parser.add_argument("--pause", type=float, default=0)
    parser.add_argument("lives", nargs="*", default=lives)
    options = parser.parse_intermixed_args()
    # One after the other, but where most of a life is waiting.
    with ThreadPoolExecutor(len(options.lives) if options.pause else 1) as lives_at_once:
        for life in [lives_at_once.submit(Life(name, options).live) for name in options.lives]:
            life.result()


if __name__ == "__main__":
    try:
        main()
    except Unexpected as unexpected:
        sys.exit(str(unexpected))
