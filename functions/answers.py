#!/usr/bin/env python3
"""Prints the answers.json of a function: python3 answers.py factorial

With --check it names the files that differ from what it would print. Those of
functions that it does not know were written by hand.

The answers come from published figures, which are named where they stand, and
from a computation that shares nothing with the functions: another language,
and another way where there is one.
"""

import collections
import decimal
import hashlib
import json
import math
import pathlib
import struct
import sys
import zlib


def asked(answers):
    """n → answer, as requests that are numbers."""
    return [{"name": f"n={n}", "stdin": str(n), "expect": a} for n, a in answers.items()]


def refused(most, least=0):
    """What a function that takes a number must refuse."""
    no = {
        "nothing": "", "spaces": " \n", "negative": "-1", "signed": "+1", "no number": "ten", "two numbers": "1 2",
        "a fraction": "1.5", "hexadecimal": "0x10", "other digits": "١", "a zero byte": "1\0",
        "too large": str(most + 1), "far too large": str(2**64), "endless": "9" * 100,
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


def monte_carlo_pi():
    """SplitMix64 by S. Vigna; its first value from 1234567 stands in Rosetta Code."""

    def generator(state):
        while True:
            state = (state + 0x9E3779B97F4A7C15) % 2**64
            z = state
            z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % 2**64
            z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
            yield z ^ z >> 31

    assert next(generator(1234567)) == 6457827717110365317

    def estimate(n):
        random = generator(n)
        near = sum((next(random) >> 33) ** 2 + (next(random) >> 33) ** 2 < 4**31 for _ in range(n))
        whole, rest = divmod(4 * near, n)
        return f"{whole}.{rest * 10**6 // n:06}"

    return asked({n: estimate(n) for n in (1, 2, 3, 10, 100, 1000, 100000)}) + spaced(50, estimate(50)) + refused(100000000, 1)


def n_body():
    """The benchmarks game has the energies before, and after 1000 and 50,000,000 steps.

    https://benchmarksgame-team.pages.debian.net/benchmarksgame/description/nbody.html
    """
    year, sun = 365.24, 4 * math.pi**2
    planets = [
        ((4.84143144246472090, -1.16032004402742839, -0.103622044471123109),
         (1.66007664274403694e-3, 7.69901118419740425e-3, -6.90460016972063023e-5), 9.54791938424326609e-4),
        ((8.34336671824457987, 4.12479856412430479, -0.403523417114321381),
         (-2.76742510726411904e-3, 4.99852801234917238e-3, 2.30417297573763929e-5), 2.85885980666130812e-4),
        ((12.8943695621391310, -15.1111514016986312, -0.223307578892655734),
         (2.96460137564761618e-3, 2.37847173959480950e-3, -2.96589568540237556e-5), 4.36624404335156298e-5),
        ((15.3796971148509165, -25.9193146099879641, 0.179258772950371181),
         (2.68067772490389322e-3, 1.62824170038242295e-3, -9.51592254519715870e-5), 5.15138902046611451e-5),
    ]
    places = [[0.0, 0.0, 0.0]] + [list(p) for p, _, _ in planets]
    speeds = [[0.0, 0.0, 0.0]] + [[v * year for v in s] for _, s, _ in planets]
    masses = [sun] + [m * sun for _, _, m in planets]
    speeds[0] = [-sum(s[k] * m for s, m in zip(speeds, masses)) / sun for k in range(3)]

    def energy():
        e = sum(m * sum(v * v for v in s) / 2 for s, m in zip(speeds, masses))
        for i in range(5):
            for j in range(i):
                e -= masses[i] * masses[j] / math.dist(places[i], places[j])
        return f"{e:.9f}"

    before, after = energy(), {0: energy()}
    for n in range(1, 10001):
        for i in range(5):
            for j in range(i):
                d = [a - b for a, b in zip(places[i], places[j])]
                pull = 0.01 / math.dist(places[i], places[j]) ** 3
                for k in range(3):
                    speeds[i][k] -= d[k] * masses[j] * pull
                    speeds[j][k] += d[k] * masses[i] * pull
        for place, speed in zip(places, speeds):
            for k in range(3):
                place[k] += 0.01 * speed[k]
        if n in (1, 10, 100, 1000, 10000):
            after[n] = energy()
    assert before == "-0.169075164" and after[1000] == "-0.169087605"  # the benchmarks game
    answers = {n: f"{before}\n{e}" for n, e in after.items()}
    return asked(answers) + spaced(100, answers[100]) + refused(50000000)


def spectral_norm():
    """The benchmarks game has the answers for 100 and 5500.

    https://benchmarksgame-team.pages.debian.net/benchmarksgame/description/spectralnorm.html
    """

    def norm(n):
        a = [[1 / ((i + j) * (i + j + 1) // 2 + i + 1) for j in range(n)] for i in range(n)]
        transposed = list(zip(*a))
        times = lambda m, v: [math.fsum(x * y for x, y in zip(row, v)) for row in m]
        u = [1.0] * n
        for _ in range(10):
            v = times(transposed, times(a, u))
            u = times(transposed, times(a, v))
        return f"{math.sqrt(math.fsum(map(float.__mul__, u, v)) / math.fsum(map(float.__mul__, v, v))):.9f}"

    answers = {n: norm(n) for n in (1, 2, 3, 10, 100, 200)}
    assert answers[100] == "1.274219991"  # the benchmarks game
    return asked(answers) + spaced(10, answers[10]) + refused(5500, 1)


def binary_trees():
    """A tree of depth d has 2^(d+1)-1 nodes. The benchmarks game has the answer for 10.

    https://benchmarksgame-team.pages.debian.net/benchmarksgame/description/binarytrees.html
    """

    def lines(n):
        n = max(n, 6)
        nodes = lambda depth: 2 ** (depth + 1) - 1
        yield f"stretch tree of depth {n + 1}\t check: {nodes(n + 1)}"
        for d in range(4, n + 1, 2):
            many = 2 ** (n - d + 4)
            yield f"{many}\t trees of depth {d}\t check: {many * nodes(d)}"
        yield f"long lived tree of depth {n}\t check: {nodes(n)}"

    answers = {n: "\n".join(lines(n)) for n in (0, 6, 7, 10, 12)}
    assert "\n64\t trees of depth 8\t check: 32704\n" in answers[10]  # the benchmarks game
    return asked(answers) + spaced(8, "\n".join(lines(8))) + refused(18)


def mandelbrot():
    """https://benchmarksgame-team.pages.debian.net/benchmarksgame/description/mandelbrot.html"""

    def near(c):
        r = i = 0.0
        for _ in range(50):
            r, i = r * r - i * i + c[0], 2 * r * i + c[1]
            if r * r + i * i > 4:
                return "0"
        return "1"

    def draw(n):
        rows = ["".join(near((2 * x / n - 1.5, 2 * y / n - 1)) for x in range(n)) for y in range(n)]
        padded = [row + "0" * (-n % 8) for row in rows]
        bitmap = b"".join(int(row, 2).to_bytes(len(row) // 8, "big") for row in padded)
        return f"{sum(row.count('1') for row in rows)} {zlib.crc32(bitmap)}"

    return asked({n: draw(n) for n in (1, 2, 3, 7, 8, 9, 16, 100, 200)}) + spaced(10, draw(10)) + refused(4000, 1)


def matmul():
    """Whole numbers, so any way of summing is right."""

    def checksum(n):
        a = [[(i * j + i) % 11 - 5 for j in range(n)] for i in range(n)]
        columns = list(zip(*[[(i + 3 * j) % 13 - 6 for j in range(n)] for i in range(n)]))
        product = [sum(map(int.__mul__, row, column)) for row in a for column in columns]
        return str(sum(v * (at % 17 + 1) for at, v in enumerate(product)))

    return asked({n: checksum(n) for n in (1, 2, 3, 4, 5, 10, 64, 100, 200)}) + spaced(20, checksum(20)) + refused(1000, 1)


def sha256():
    """FIPS 180-4's examples; https://csrc.nist.gov/projects/cryptographic-standards-and-guidelines/example-values"""
    two = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"
    four = "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"
    published = {
        "": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "abc": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        two: "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
        four: "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1",
    }
    answers = [{"name": f"{len(m)} bytes, FIPS 180-4", "stdin": m, "expect": d} for m, d in published.items()]
    for n in (1, 55, 56, 57, 63, 64, 65, 119, 120, 128, 1000, 10000):
        m = "".join(chr(i * i % 127) for i in range(n))
        answers.append({"name": f"{n} bytes", "stdin": m, "expect": hashlib.sha256(m.encode()).hexdigest()})
    assert all(hashlib.sha256(m.encode()).hexdigest() == d for m, d in published.items())
    return answers


def json_():
    """RFC 8785: the examples of sections 3.2.2 and 3.2.3, and the numbers of appendix B."""
    answers = [
        ("RFC 8785, 3.2.2",
         r'''{
  "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
  "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
  "literals": [null, true, false]
}''',
         r'''{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}'''),
        ("RFC 8785, 3.2.3",
         r'''{
  "\u20ac": "Euro Sign",
  "\r": "Carriage Return",
  "\ufb33": "Hebrew Letter Dalet With Dagesh",
  "1": "One",
  "\ud83d\ude00": "Emoji: Grinning Face",
  "\u0080": "Control",
  "\u00f6": "Latin Small Letter O With Diaeresis"
}''',
         r'''{"\r":"Carriage Return","1":"One","''' + "\u0080" + r'''":"Control","ö":"Latin Small Letter O With Diaeresis",''' +
         r'''"€":"Euro Sign","😀":"Emoji: Grinning Face","''' + "\ufb33" + r'''":"Hebrew Letter Dalet With Dagesh"}'''),
        ("nothing in it", " { } ", "{}"),
        ("no names", '[ {"a" : [ ] } , [ [ ] ] , "" ]', '[{"a":[]},[[]],""]'),
        ("a text", '"\\u2028 < > & \\u007f \\/ é"', '"\u2028 < > & \x7f / é"'),
        ("each escape", r'"\b\f\n\r\t\u0000\u001f\u0008"', r'"\b\f\n\r\t\u0000\u001f\b"'),
        ("names that begin alike", '{"b":1,"aa":2,"a":3,"":4}', '{"":4,"a":3,"aa":2,"b":1}'),
    ]
    appendix_b = {
        "8000000000000000": "0", "0000000000000001": "5e-324", "8000000000000001": "-5e-324",
        "7fefffffffffffff": "1.7976931348623157e+308", "ffefffffffffffff": "-1.7976931348623157e+308",
        "4340000000000000": "9007199254740992", "c340000000000000": "-9007199254740992", "4430000000000000": "295147905179352830000",
        "44b52d02c7e14af5": "9.999999999999997e+22", "44b52d02c7e14af6": "1e+23", "44b52d02c7e14af7": "1.0000000000000001e+23",
        "444b1ae4d6e2ef4e": "999999999999999700000", "444b1ae4d6e2ef4f": "999999999999999900000", "444b1ae4d6e2ef50": "1e+21",
        "3eb0c6f7a0b5ed8c": "9.999999999999997e-7", "3eb0c6f7a0b5ed8d": "0.000001", "41b3de4355555553": "333333333.3333332",
        "41b3de4355555554": "333333333.33333325", "41b3de4355555555": "333333333.3333333", "41b3de4355555556": "333333333.3333334",
        "41b3de4355555557": "333333333.33333343", "becbf647612f3696": "-0.0000033333333333333333", "43143ff3c1cb0959": "1424953923781206.2",
    }
    for bits, text in appendix_b.items():
        value, = struct.unpack(">d", bytes.fromhex(bits))
        assert float(text) == value, bits
        answers.append((f"RFC 8785, appendix B, {bits}", repr(value), text))
    nested = "[" * 5000 + "]" * 5000
    answers.append(("nested", nested, nested))
    no = {
        "nothing": "", "spaces": " \n", "not closed": "[1", "two values": "1 2", "a comma too many": "[1,]", "leading zero": "01",
        "plus": "+1", "single quotes": "{'a':1}", "no quotes": "{a:1}", "a word": "nul", "not a number": "NaN", "a comment": "1//",
        "a tab in a text": '"\t"', "a zero byte": "\0", "beyond a float64": "1e400", "nested too deep": "[" * 20000,
    }
    return [{"name": n, "stdin": s, "expect": e} for n, s, e in answers] + [{"name": n, "stdin": s, "exit": 1} for n, s in no.items()]


def gzip():
    """The length and CRC-32 of the text, which zlib's own makers define."""
    words = ["a ", "and ", "cloud ", "compute ", "container ", "function ", "in ", "is ",
             "module ", "nebula ", "of ", "starts ", "sooner ", "than ", "the ", "wave\n"]

    def text(n):
        parts, length, random = [], 0, 1
        while length < n:
            random = (random * 1664525 + 1013904223) % 2**32
            parts.append(words[random >> 28])
            length += len(parts[-1])
        return "".join(parts)[:n].encode()

    answers = {n: f"{n * 1024} {zlib.crc32(text(n * 1024))}" for n in (0, 1, 2, 10, 64, 512)}
    return asked(answers) + spaced(2, answers[2]) + refused(16384)


def image_resize():
    """Each pixel is the mean of those that it covers; the answer is length and CRC-32 of 64 × 64 pixels."""

    def thumbnail(n, m=64):
        pixels = [[((x ^ y) & 255, (3 * x + y) & 255, (x * y >> 4) & 255) for x in range(n)] for y in range(n)]
        small = bytearray()
        for y in range(m):
            rows = pixels[y * n // m:(y + 1) * n // m]
            for x in range(m):
                covered = [p for row in rows for p in row[x * n // m:(x + 1) * n // m]]
                small += bytes((2 * sum(c) + len(c)) // (2 * len(c)) for c in zip(*covered))
        return f"{len(small)} {zlib.crc32(small)}"

    return asked({n: thumbnail(n) for n in (64, 65, 100, 128, 256, 500)}) + spaced(64, thumbnail(64)) + refused(4096, 64)


def word_count():
    """Python's Counter, and the order of bytes."""
    texts = {
        "nothing": "", "spaces": " \t\r\n\v\f", "one word": "one", "the same twice": "two two",
        "a proverb": "the early bird catches the worm but the second mouse gets the cheese",
        "lines": "b a\nb\tc\r\nb a\n", "marks belong to words": "Stop. stop, stop! stop", "every language": "é e é 日本 日本 日本 ǹ\xa0x",
        "a zero byte": "a\0b a", "no text": "\x01 \x7f \x01",
        "many": " ".join(f"w{i * i % 97}" for i in range(5000)),
    }

    def count(text):
        counts = collections.Counter(text.encode().split())
        return "\n".join(f"{w.decode()} {n}" for w, n in sorted(counts.items(), key=lambda c: (-c[1], c[0])))

    return [{"name": n, "stdin": t, "expect": count(t)} for n, t in texts.items()]


def sleep():
    return asked({n: str(n) for n in (0, 1, 10, 50)}) + spaced(5, "5") + refused(60000)


FUNCTIONS = {
    "fibonacci-recursive": fibonacci_recursive, "fibonacci": fibonacci, "factorial": factorial,
    "exponential": exponential, "prime-number": prime_number, "monte-carlo-pi": monte_carlo_pi, "n-body": n_body,
    "spectral-norm": spectral_norm, "binary-trees": binary_trees, "mandelbrot": mandelbrot, "matmul": matmul,
    "sha256": sha256, "json": json_, "gzip": gzip, "image-resize": image_resize, "word-count": word_count,
    "sleep": sleep,
}


def text(name):
    lines = (json.dumps(a, ensure_ascii=False) for a in FUNCTIONS[name]())
    return "[\n  " + ",\n  ".join(lines) + "\n]\n"


def differs(name):
    with open(pathlib.Path(__file__).parent / name / "answers.json", encoding="utf-8") as f:
        return f.read() != text(name)


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(", ".join(filter(differs, FUNCTIONS)) or 0)
    print(end=text(sys.argv[1]))
