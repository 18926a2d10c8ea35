#!/usr/bin/env python3
"""Prints the answers.json of a function: python3 answers.py factorial

The answers come from published figures, which are named where they stand, and
from a computation that shares nothing with the functions: another language,
and another way where there is one. A test compares the files with what this
prints.
"""

import decimal
import json
import math
import sys


def asked(answers):
    """n → answer, as requests that are numbers."""
    return [{"name": f"n={n}", "stdin": str(n), "expect": a} for n, a in answers.items()]


def refused(most, least=0):
    """What a function that takes a number must refuse."""
    no = {
        "nothing": "", "spaces": " \n", "negative": "-1", "signed": "+1", "no number": "ten", "two numbers": "1 2",
        "a fraction": "1.5", "hexadecimal": "0x10", "other digits": "١", "a zero byte": "1\0",
        "too large": str(most + 1), "far too large": str(2**64), "endless": "9" * 5000,
    }
    if least > 0:
        no["too small"] = str(least - 1)
    return [{"name": name, "stdin": stdin, "exit": 1} for name, stdin in no.items()]


def spaced(n, answer):
    return [{"name": "white space", "stdin": f" \t{n}\r\n", "expect": answer},
            {"name": "leading zero", "stdin": f"0{n}", "expect": answer}]


def fibonacci_numbers(most):
    f = [0, 1]
    while len(f) <= most:
        f.append(f[-1] + f[-2])
    return f


def fibonacci_recursive():
    """https://oeis.org/A000045; the thesis asked for 0 to 40."""
    f = fibonacci_numbers(40)
    assert f[30] == 832040 and f[40] == 102334155  # OEIS
    return asked({n: str(f[n]) for n in range(41)}) + spaced(27, str(f[27])) + refused(93)


def fibonacci():
    """https://oeis.org/A000045"""
    f = fibonacci_numbers(10000)
    assert f[100] == 354224848179261915075  # OEIS
    some = [0, 1, 2, 10, 87, 88, 89, 93, 94, 100, 174, 175, 1000, 10000]
    return asked({n: str(f[n]) for n in some}) + spaced(90, str(f[90])) + refused(100000)


def factorial():
    """https://oeis.org/A000142; the thesis asked for 0 to 130."""
    assert math.factorial(22) == 1124000727777607680000  # OEIS
    ask = list(range(131)) + [1000]
    return asked({n: str(math.factorial(n)) for n in ask}) + spaced(20, str(math.factorial(20))) + refused(1000)


def exponential():
    """https://oeis.org/A000149 has the whole part; the thesis asked for 0 to 1412, step 2."""
    decimal.getcontext().prec = 40

    def power(n, error=0):
        with decimal.localcontext() as c:
            value = decimal.Decimal(n).exp() * (1 + decimal.Decimal(error))
            c.prec = 10
            digits, exponent = f"{+value:.9e}".split("e")
            return f"{digits}e{int(exponent)}"

    assert int(decimal.Decimal(24).exp()) == 26489122129  # OEIS
    for n in range(0, 1413):
        # No rounding hangs on the last bits of a float64.
        assert power(n) == power(n, 2e-15) == power(n, -2e-15), n
    return asked({n: power(n) for n in range(0, 1413, 2)}) + asked({1: power(1), 709: power(709), 711: power(711)}) + spaced(10, power(10)) + refused(1412)


def prime_number():
    """https://oeis.org/A000040, counted from 0; the thesis asked for 0 to 6000, step 10."""
    sieve = bytearray([1]) * 110000
    sieve[0] = sieve[1] = 0
    for i in range(2, 332):
        if sieve[i]:
            sieve[i * i::i] = bytes(len(range(i * i, len(sieve), i)))
    primes = [i for i, is_prime in enumerate(sieve) if is_prime]
    assert primes[57] == 271 and primes[9999] == 104729  # OEIS
    ask = sorted(set(range(0, 6001, 10)) | {1, 2, 3, 4, 10000})
    return asked({n: str(primes[n]) for n in ask}) + spaced(25, str(primes[25])) + refused(100000)


if __name__ == "__main__":
    function = globals()[sys.argv[1].replace("-", "_")]
    lines = (json.dumps(a, ensure_ascii=False) for a in function())
    print("[\n  " + ",\n  ".join(lines) + "\n]")
