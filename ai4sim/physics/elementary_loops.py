"""Logarithm, exponential, cosine, arc tangent and cube root for compiled loops.

numba's own are calls to the mathematical library, one number after the other, and a loop that has
one in it is not turned into vector instructions. These are polynomials without branches, in single
or double precision as their argument: Taylor series whose coefficients are moved a little, so that
the largest error over the interval is least. That is less than two units in the last place, which
tests show. NaN gives NaN.
"""

from __future__ import annotations

import math

import numpy as np

from ai4sim.compiled import jit

inlined = jit("contract", inline=True)


@inlined
def is_single(x: float) -> bool:
    """Return whether a number is of single precision; known when the code is compiled."""
    return type(x)(1) + type(x)(1e-12) == type(x)(1)


@inlined
def at_least(x: float, bound: float) -> float:
    """Return the larger one; NaN stays NaN."""
    return bound if x < bound else x


@inlined
def at_most(x: float, bound: float) -> float:
    """Return the smaller one; NaN stays NaN."""
    return bound if x > bound else x


@inlined
def log(x: float) -> float:
    """Return the logarithm: ``x = 2^k m``, ``log m = 2 artanh((m - 1) / (m + 1))``, m about 1.

    A positive number that is not normal in single precision gives NaN.
    """
    f = type(x)
    if is_single(x):
        bits = np.float32(x).view(np.uint32)
        exponent = np.uint32(np.uint32(bits + np.uint32(0x004AFB0D)) >> np.uint32(23))
        k = f(np.int32(exponent) - np.int32(127))
        step = np.uint32(np.uint32(exponent - np.uint32(127)) << np.uint32(23))
        m = f(np.uint32(bits - step).view(np.float32))
        s = (m - f(1)) / (m + f(1))
        z = s * s
        p = f(0.666667764) + z * (f(0.399775369) + z * f(0.298718634))
    else:
        word = np.float64(x).view(np.uint64)
        field = (word + np.uint64(0x00095F619980C433)) >> np.uint64(52)
        k = f(np.uint64(field | np.uint64(0x4330000000000000)).view(np.float64)) - f(2**52 + 1023)
        m = f(np.uint64(word - ((field - np.uint64(1023)) << np.uint64(52))).view(np.float64))
        s = (m - f(1)) / (m + f(1))
        z = s * s
        p = f(0.181835648534745571) + z * (f(0.153140361870454737) + z * f(0.147961018028465311))
        p = f(0.285714287424726647) + z * (f(0.222221985637270098) + z * p)
        p = f(0.666666666666673446) + z * (f(0.399999999994143303) + z * p)
    found = k * f(math.log(2)) + (f(2) * s + s * (z * p))
    beyond = x if x > f(1) or x != x else (f(-math.inf) if x == f(0) else f(math.nan))
    return found if x >= f(1.2e-38) and x < f(math.inf) else beyond


@inlined
def exp(x: float) -> float:
    """Return the exponential: ``x = k log 2 + r``.

    The argument is taken for -87 or 88 where it lies beyond, as single precision needs it.
    """
    f = type(x)
    x = at_most(at_least(x, f(-87)), f(88))
    if is_single(x):
        shifted = x * f(1 / math.log(2)) + f(1.5 * 2**23)
        k = shifted - f(1.5 * 2**23)
        word = np.uint32(np.float32(shifted).view(np.uint32) + np.uint32(127))
        power = f(np.uint32(word << np.uint32(23)).view(np.float32))
        r = (x - k * f(0.693359375)) - k * f(math.log(2) - 0.693359375)
        p = f(0.0416662042) + r * (f(0.00836895355) + r * f(0.00139506008))
        p = f(0.50000001) + r * (f(0.166665183) + r * p)
    else:
        shifted = x * f(1 / math.log(2)) + f(1.5 * 2**52)
        k = shifted - f(1.5 * 2**52)
        long = np.uint64(np.float64(shifted).view(np.uint64) + np.uint64(1023))
        power = f(np.uint64(long << np.uint64(52)).view(np.float64))
        r = (x - k * f(0.693147180369123816490)) - k * f(1.90821492927058770002e-10)
        p = f(2.7557219381444682e-6) + r * (
            f(2.76294748681015094e-7) + r * f(2.51170212126953285e-8)
        )
        p = f(0.000198412699132967764) + r * (f(0.0000248014956864872485) + r * p)
        p = f(0.00833333333330950449) + r * (f(0.00138888889405629078) + r * p)
        p = f(0.1666666666666669) + r * (f(0.0416666666665451503) + r * p)
        p = f(0.5) + r * p
    return power * (f(1) + (r + r * (r * p)))


@inlined
def arctan(x: float) -> float:
    """Return the arc tangent of a number between 0 and 1 + sqrt 2."""
    f = type(x)
    far = x > f(math.sqrt(2) - 1)
    x = (x - f(1)) / (x + f(1)) if far else x
    z = x * x
    if is_single(x):
        p = f(-0.138793323) + z * f(0.0805850575)
        p = f(-0.333329542) + z * (f(0.199778822) + z * p)
    else:
        p = f(-0.0437834165211450797) + z * f(0.021476406567465378)
        p = f(-0.0664266407015850703) + z * (f(0.0569984186311161909) + z * p)
        p = f(-0.0909079834531582136) + z * (f(0.0769026669499456333) + z * p)
        p = f(-0.142857142179504432) + z * (f(0.111111074415219517) + z * p)
        p = f(-0.33333333333332007) + z * (f(0.199999999994244499) + z * p)
    found = x + x * (z * p)
    return found + f(math.pi / 4) if far else found


@inlined
def cosine(x: float) -> float:
    """Return the cosine of a number up to some thousands: ``x = k pi + r``, the sign from k."""
    f = type(x)
    if is_single(x):
        shifted = x * f(1 / math.pi) + f(1.5 * 2**23)
        k = shifted - f(1.5 * 2**23)
        word = np.uint32(np.float32(shifted).view(np.uint32) << np.uint32(31))
        sign = f(np.uint32(word | np.uint32(0x3F800000)).view(np.float32))
        r = (x - k * f(3.140625)) - k * f(math.pi - 3.140625)
        z = r * r
        p = f(0.0416666558) + z * (
            f(-0.00138885689) + z * (f(2.47692889e-5) + z * f(-2.6193493e-7))
        )
    else:
        shifted = x * f(1 / math.pi) + f(1.5 * 2**52)
        k = shifted - f(1.5 * 2**52)
        long = np.uint64(np.float64(shifted).view(np.uint64) << np.uint64(63))
        sign = f(np.uint64(long | np.uint64(0x3FF0000000000000)).view(np.float64))
        # pi as a number of 33 bits, so that its products are exact, and the rest
        r = (x - k * f(3.14159265346825122833)) - k * f(1.2154201013012385e-10)
        z = r * r
        p = f(-1.14641188889750819e-11) + z * f(4.62109904905973355e-14)
        p = f(-2.75573174479559068e-7) + z * (f(2.0876611530944792e-9) + z * p)
        p = f(-0.00138888888888518761) + z * (f(0.0000248015872898494152) + z * p)
        p = f(0.0416666666666662841) + z * p
    return sign * (f(1) + z * (f(-0.5) + z * p))


@inlined
def cube_root(x: float) -> float:
    """Return the cube root of a positive number: a third of the exponent, and Halley's method."""
    f = type(x)
    bits = np.float32(x).view(np.int32)
    third = np.int32(np.float32(bits) * np.float32(1 / 3)) + np.int32(709958130)
    y = f(np.int32(third).view(np.float32))
    y = halley(halley(y, x), x)
    return y if is_single(x) else halley(y, x)


@inlined
def halley(y: float, x: float) -> float:
    """Return a better cube root of x than y, with the cube of its error."""
    cube = y * y * y
    return y * ((cube + (x + x)) / ((cube + cube) + x))
