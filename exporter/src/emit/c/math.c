/* The mathematics of generated C: functions of one or two numbers, with the operations of the interpreter in their order.
 * What a model needs of this text is copied into its file. Bits are looked at through memcpy, which every compiler turns into
 * a move. */

/* The bits of a number. */
static inline uint32_t bits_of(float x)
{
    uint32_t bits;
    (void)memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* The number of these bits. */
static inline float float_of(uint32_t bits)
{
    float x;
    (void)memcpy(&x, &bits, sizeof x);
    return x;
}

/* |x|. */
static inline float absolute(float x)
{
    return float_of(bits_of(x) & 0x7fffffffU);
}

/* Whether x is a NaN. */
static inline bool is_nan(float x)
{
    return (bits_of(x) & 0x7fffffffU) > 0x7f800000U;
}

/* Whether x is neither infinite nor a NaN. */
static inline bool is_finite(float x)
{
    return (bits_of(x) & 0x7f800000U) != 0x7f800000U;
}

/* x, or the one canonical NaN. */
static inline float canonical(float x)
{
    return is_nan(x) ? float_of(0x7fc00000U) : x;
}

/* -1, +0 or 1; a NaN stays a NaN. */
static inline float sign(float x)
{
    if (x > 0.0f) {
        return 1.0f;
    }
    if (x < 0.0f) {
        return -1.0f;
    }
    return is_nan(x) ? x : 0.0f;
}

/* The larger of a and b: +0 of two zeros, and a NaN where either is one. */
static inline float max_of(float a, float b)
{
    if (a > b) {
        return a;
    }
    if (b > a) {
        return b;
    }
    if (is_nan(a) || is_nan(b)) {
        return float_of(0x7fc00000U);
    }
    return float_of(bits_of(a) & bits_of(b));
}

/* The smaller of a and b: -0 of two zeros, and a NaN where either is one. */
static inline float min_of(float a, float b)
{
    if (a < b) {
        return a;
    }
    if (b < a) {
        return b;
    }
    if (is_nan(a) || is_nan(b)) {
        return float_of(0x7fc00000U);
    }
    return float_of(bits_of(a) | bits_of(b));
}

/* 1 or 0. */
static inline float truth(bool holds)
{
    return holds ? 1.0f : 0.0f;
}

/* A product on its way into a sum. On a Cortex-M4 the two instructions are faster than the one that multiplies and adds, and
 * they are what is meant: a product that is rounded. The empty statement only hides from the compiler where x comes from. */
static inline float product(float a, float b)
{
    float x = a * b;
#if defined(__GNUC__) && defined(__ARM_ARCH_7EM__) && defined(__ARM_FP)
    __asm__("" : "+t"(x));
#endif
    return x;
}

/* tanh x without branches on the data; the coefficients and their order are those of docs/NUMERICS.md. */
static inline float tanh_of(float x)
{
    const float end = 8.927725f;
    float held = (x > end) ? end : x;
    float t;
    float p;
    float q;
    float n;
    held = (held < -end) ? -end : held;
    t = held * held;
    p = product(8.716453e-8f, t) + 1.6062845e-4f;
    q = product(2.759792e-6f, t) + 1.3985174e-3f;
    p = product(p, t) + 0.031521137f;
    q = product(q, t) + 0.11485443f;
    n = product(held * t, p) + held;
    q = product(q, t) + 1.0f;
    return (n * q) / (product(n * n, 0.25f) + product(q, q));
}

/* 2^k, k as two's complement. */
static inline float power_of_two(uint32_t k)
{
    return float_of((k + 127U) << 23);
}

/* e^x. */
static float exp_of(float x)
{
    const float rounder = 12582912.0f;
    float held = (x > 89.0f) ? 89.0f : x;
    float shifted;
    float whole;
    float r;
    float p;
    float power;
    uint32_t exponent;
    uint32_t half;
    held = (held < -104.0f) ? -104.0f : held;
    shifted = held * 1.44269504f + rounder;
    whole = shifted - rounder;
    r = (held + whole * -0.6933594f) + whole * 2.1219444e-4f;
    p = 1.3814517e-3f * r + 8.368756e-3f;
    p = p * r + 4.1668392e-2f;
    p = p * r + 0.1666652f;
    p = p * r + 0.49999993f;
    power = ((r * r) * p + r) + 1.0f;
    exponent = bits_of(shifted) - bits_of(rounder);
    half = (exponent >> 1) | (exponent & 0x80000000U);
    return (power * power_of_two(half)) * power_of_two(exponent - half);
}

/* 1/(1 + e^-x). */
static float sigmoid_of(float x)
{
    const float decay = exp_of(-absolute(x));
    const float rising = (x < 0.0f) ? decay : 1.0f;
    return rising / (1.0f + decay);
}

/* ln(1 + e^x). */
static float softplus_of(float x)
{
    const float decay = exp_of(-absolute(x));
    const float y = decay / (2.0f + decay);
    const float t = y * y;
    const float linear = (x > 0.0f) ? x : 0.0f;
    float p = 0.28016056f * t + 0.28001045f;
    p = p * t + 0.4002157f;
    p = p * t + 0.6666642f;
    return linear + y * (p * t + 2.0f);
}

/* The error function. */
static float erf_of(float x)
{
    const float t = x * x;
    const float size = absolute(x);
    const float a = (size > 4.0f) ? 4.0f : size;
    float p = 8.316807e-5f * t + -8.130022e-4f;
    float q = -2.1398503e-4f * a + 3.214955e-3f;
    float inside;
    float outside;
    p = p * t + 5.199908e-3f;
    p = p * t + -2.6858942e-2f;
    p = p * t + 0.11283687f;
    p = p * t + -0.37612633f;
    inside = x * (p * t + 1.12837917f);
    q = q * a + -2.2889966e-2f;
    q = q * a + 0.10526185f;
    q = q * a + 0.6357183f;
    q = q * a + 1.1285144f;
    outside = 1.0f - exp_of(-(a * q));
    outside = float_of((bits_of(outside) & 0x7fffffffU) | (bits_of(x) & 0x80000000U));
    return ((size - 0.92f) < 0.0f) ? inside : outside;
}

/* A word of zeros, then the binary places of 2/pi. */
static const uint32_t two_over_pi[8] = {
    0U, 0xa2f9836eU, 0x4e441529U, 0xfc2757d1U, 0xf534ddc0U, 0xdb629599U, 0x3c439041U, 0xfe5163abU
};

/* 32 bits from bit `shift` of two words on. */
static inline uint64_t window(uint32_t high, uint32_t low, uint32_t shift)
{
    return (uint64_t)((high << shift) | ((low >> 1) >> (31U - shift)));
}

/* Zeros above the highest one of a number that is not 0. */
static inline uint32_t zeros_above(uint64_t size)
{
#if defined(__GNUC__)
    return (uint32_t)__builtin_clzll(size);
#else
    uint32_t zeros = 0U;
    while ((size >> 63) == 0U) {
        size <<= 1;
        zeros += 1U;
    }
    return zeros;
#endif
}

/* Quarter turns in x >= 0, modulo 4, and what is left in radians. */
static uint32_t reduced(float x, float *left)
{
    const uint32_t bits = bits_of(x);
    const uint64_t mantissa = (uint64_t)((bits & 0x7fffffU) | 0x800000U);
    const uint32_t exponent = bits >> 23;
    const uint32_t position = (exponent > 120U) ? (exponent - 120U) : 0U;
    const uint32_t shift = position & 31U;
    const uint32_t *digits = &two_over_pi[position >> 5];
    const bool is_small = x < 0.785398163f;
    uint64_t turns = (mantissa * window(digits[0], digits[1], shift)) << 32;
    uint64_t quarters;
    uint64_t size;
    uint32_t zeros;
    float turned;
    turns += mantissa * window(digits[1], digits[2], shift);
    turns += (mantissa * window(digits[2], digits[3], shift)) >> 32;
    quarters = (turns + ((uint64_t)1U << 61)) >> 62;
    turns -= quarters << 62;
    size = (((turns >> 63) != 0U) ? (0U - turns) : turns) | 1U;
    zeros = zeros_above(size);
    turned = ((float)(uint32_t)((size << zeros) >> 32) * float_of((97U - zeros) << 23)) * 1.57079633f;
    turned = float_of(bits_of(turned) | ((uint32_t)(turns >> 32) & 0x80000000U));
    *left = is_small ? x : turned;
    return is_small ? 0U : (uint32_t)quarters;
}

/* sin(quarters * pi/2 + r) for |r| <= pi/4. */
static float on_circle(uint32_t quarters, float r)
{
    const float t = r * r;
    const float sine = r + (r * t) * ((-1.9515275e-4f * t + 8.332161e-3f) * t - 0.16666655f);
    const float cosine = (1.0f - 0.5f * t) + (t * t) * ((2.4433148e-5f * t - 1.3887316e-3f) * t + 4.1666646e-2f);
    const uint32_t odd = 0U - (quarters & 1U);
    const uint32_t value = (bits_of(sine) & ~odd) | (bits_of(cosine) & odd);
    return float_of(value ^ ((quarters & 2U) << 30));
}

/* sin x. */
static float sin_of(float x)
{
    float left;
    const uint32_t quarters = reduced(absolute(x), &left);
    const float value = float_of(bits_of(on_circle(quarters, left)) ^ (bits_of(x) & 0x80000000U));
    return value * (1.0f + x * 0.0f);
}

/* cos x. */
static float cos_of(float x)
{
    float left;
    const uint32_t quarters = reduced(absolute(x), &left);
    return on_circle(quarters + 1U, left) * (1.0f + x * 0.0f);
}

/* The square root, correctly rounded, one binary digit after the other. */
static float sqrt_of(float x)
{
    uint32_t bits = bits_of(x);
    uint32_t back = 126U;
    uint32_t odd;
    uint32_t rest;
    uint32_t root = 0U;
    uint32_t twice = 0U;
    uint32_t digit;
    if ((x == 0.0f) || is_nan(x) || (bits == 0x7f800000U)) {
        return x;
    }
    if (x < 0.0f) {
        return float_of(0x7fc00000U);
    }
    if (bits < 0x00800000U) {
        /* 2^24 brings it among the normal numbers, and its root back by 2^-12. */
        bits = bits_of(x * 16777216.0f);
        back -= 12U;
    }
    odd = ((bits >> 23) + 1U) & 1U;
    rest = (((bits & 0x7fffffU) | 0x800000U) << odd) << 1;
    for (digit = 0x01000000U; digit != 0U; digit >>= 1) {
        const uint32_t trial = twice + digit;
        if (trial <= rest) {
            twice = trial + digit;
            rest -= trial;
            root += digit;
        }
        rest <<= 1;
    }
    /* Half of the exponent, rounded down: (e - 127 - odd)/2 + back, with 254 added so that nothing is below 0. */
    return float_of((((((bits >> 23) + 127U - odd) >> 1) + back - 127U) << 23) + ((root + (root & 1U)) >> 1));
}

/* The whole number nearest to x, halves to the even one. */
static float round_of(float x)
{
    const float size = absolute(x);
    float whole;
    if (is_nan(x) || (size >= 8388608.0f)) {
        return x;
    }
    whole = (size + 8388608.0f) - 8388608.0f;
    return float_of(bits_of(whole) | (bits_of(x) & 0x80000000U));
}

/* The largest whole number that is not above x. */
static float floor_of(float x)
{
    const float whole = round_of(x);
    const float below = (whole > x) ? (whole - 1.0f) : whole;
    return (below == 0.0f) ? float_of(bits_of(x) & 0x80000000U) : below;
}

/* origin: FreeBSD /usr/src/lib/msun/src/e_logf.c, s_atanf.c and e_powf.c, by way of musl and the crate libm
 * Conversion to float by Ian Lance Taylor, Cygnus Support, ian@cygnus.com.
 * ====================================================
 * Copyright (C) 1993 by Sun Microsystems, Inc. All rights reserved.
 *
 * Developed at SunPro, a Sun Microsystems, Inc. business.
 * Permission to use, copy, modify, and distribute this
 * software is freely granted, provided that this notice
 * is preserved.
 * ==================================================== */
static float log_of(float x)
{
    uint32_t bits = bits_of(x);
    int32_t k = 0;
    float f;
    float s;
    float z;
    float w;
    float r;
    float half_square;
    float dk;
    if ((bits << 1) == 0U) {
        return float_of(0xff800000U);
    }
    if ((bits >> 31) != 0U) {
        return float_of(0x7fc00000U);
    }
    if (bits >= 0x7f800000U) {
        return x;
    }
    if (bits == 0x3f800000U) {
        return 0.0f;
    }
    if (bits < 0x00800000U) {
        k = -25;
        bits = bits_of(x * 33554432.0f);
    }
    bits += 0x3f800000U - 0x3f3504f3U;
    k += (int32_t)(bits >> 23) - 0x7f;
    f = float_of((bits & 0x007fffffU) + 0x3f3504f3U) - 1.0f;
    s = f / (2.0f + f);
    z = s * s;
    w = z * z;
    r = z * (float_of(0x3f2aaaaaU) + w * float_of(0x3e91e9eeU)) + w * (float_of(0x3eccce13U) + w * float_of(0x3e789e26U));
    half_square = (0.5f * f) * f;
    dk = (float)k;
    return (((s * (half_square + r) + dk * float_of(0x3717f7d1U)) - half_square) + f) + dk * float_of(0x3f317180U);
}

/* As log_of: Copyright (C) 1993 by Sun Microsystems, Inc. All rights reserved.
 * Developed at SunPro, a Sun Microsystems, Inc. business. Permission to use, copy, modify, and distribute this
 * software is freely granted, provided that this notice is preserved. */
static float atan_of(float x)
{
    const uint32_t negative = bits_of(x) & 0x80000000U;
    const uint32_t bits = bits_of(x) & 0x7fffffffU;
    const float size = float_of(bits);
    float y = size;
    float high = 0.0f;
    float low = 0.0f;
    float z;
    float w;
    float s1;
    float s2;
    if (bits >= 0x4c800000U) {
        return is_nan(x) ? x : float_of(0x3fc90fdaU | negative);
    }
    if (bits < 0x39800000U) {
        return x;
    }
    if (bits < 0x3ee00000U) {
        y = x;
    } else if (bits < 0x3f300000U) {
        y = (2.0f * size - 1.0f) / (2.0f + size);
        high = float_of(0x3eed6338U);
        low = float_of(0x31ac3769U);
    } else if (bits < 0x3f980000U) {
        y = (size - 1.0f) / (size + 1.0f);
        high = float_of(0x3f490fdaU);
        low = float_of(0x33222168U);
    } else if (bits < 0x401c0000U) {
        y = (size - 1.5f) / (1.0f + 1.5f * size);
        high = float_of(0x3f7b985eU);
        low = float_of(0x33140fb4U);
    } else {
        y = -1.0f / size;
        high = float_of(0x3fc90fdaU);
        low = float_of(0x33a22168U);
    }
    z = y * y;
    w = z * z;
    s1 = z * (float_of(0x3eaaaaa9U) + w * (float_of(0x3e11f50dU) + w * float_of(0x3d7cac25U)));
    s2 = w * (float_of(0xbe4cca98U) + w * float_of(0xbdda1247U));
    if (high == 0.0f) {
        return y - y * (s1 + s2);
    }
    return float_of(bits_of(high - ((y * (s1 + s2) - low) - y)) ^ negative);
}

/* log2 of ax in two parts where |1 - ax| <= 2^-20; the first is returned. */
static float log2_near_one(float ax, float *second)
{
    const float t = ax - 1.0f;
    const float w = (t * t) * (0.5f - t * (float_of(0x3eaaaaabU) - t * 0.25f));
    const float u = float_of(0x3fb8aa00U) * t;
    const float v = t * float_of(0x36eca570U) - w * float_of(0x3fb8aa3bU);
    const float first = float_of(bits_of(u + v) & 0xfffff000U);
    *second = v - (first - u);
    return first;
}

/* log2 of ax > 0 in two parts; the first is returned. */
static float log2_parts(float ax, float *second)
{
    const bool is_small = ax < 1.17549435e-38f;
    const uint32_t bits = bits_of(is_small ? (ax * 16777216.0f) : ax);
    const uint32_t j = bits & 0x007fffffU;
    int32_t n = (int32_t)(bits >> 23) - (is_small ? 151 : 127);
    uint32_t normal = j | 0x3f800000U;
    uint32_t k = 0U;
    float bp = 1.0f;
    float dp_high = 0.0f;
    float dp_low = 0.0f;
    float x;
    float u;
    float v;
    float s;
    float s_high;
    float s_low;
    float s2;
    float r;
    float t_high;
    float t_low;
    float p_high;
    float p_low;
    float z_high;
    float z_low;
    float t;
    float first;
    if (j > 0x001cc471U) {
        if (j < 0x005db3d7U) {
            k = 1U;
            bp = 1.5f;
            dp_high = float_of(0x3f15c000U);
            dp_low = float_of(0x35d1cfdcU);
        } else {
            n += 1;
            normal -= 0x00800000U;
        }
    }
    x = float_of(normal);
    u = x - bp;
    v = 1.0f / (x + bp);
    s = u * v;
    s_high = float_of(bits_of(s) & 0xfffff000U);
    t_high = float_of((((normal >> 1) & 0xfffff000U) | 0x20000000U) + 0x00400000U + (k << 21));
    t_low = x - (t_high - bp);
    s_low = v * ((u - s_high * t_high) - s_high * t_low);
    s2 = s * s;
    r = float_of(0x3e6c3255U) + s2 * float_of(0x3e53f142U);
    r = float_of(0x3eaaaaabU) + s2 * (float_of(0x3e8ba305U) + s2 * r);
    r = float_of(0x3f19999aU) + s2 * (float_of(0x3edb6db7U) + s2 * r);
    r = (s2 * s2) * r + s_low * (s_high + s);
    s2 = s_high * s_high;
    t_high = float_of(bits_of((3.0f + s2) + r) & 0xfffff000U);
    t_low = r - ((t_high - 3.0f) - s2);
    u = s_high * t_high;
    v = s_low * t_high + t_low * s;
    p_high = float_of(bits_of(u + v) & 0xfffff000U);
    p_low = v - (p_high - u);
    z_high = float_of(0x3f764000U) * p_high;
    z_low = (float_of(0xb8f623c6U) * p_high + p_low * float_of(0x3f76384fU)) + dp_low;
    t = (float)n;
    first = float_of(bits_of(((z_high + z_low) + dp_high) + t) & 0xfffff000U);
    *second = z_low - (((first - t) - dp_high) - z_high);
    return first;
}

/* 2^(high + low). */
static float exp2_of_sum(float high, float low)
{
    float z = low + high;
    const uint32_t bits = bits_of(z);
    const uint32_t size = bits & 0x7fffffffU;
    const bool is_below = (bits >> 31) != 0U;
    float rest = high;
    uint32_t n = 0U;
    uint32_t scaled;
    float t;
    float u;
    float v;
    float w;
    float t1;
    float r;
    if (!is_below && ((bits > 0x43000000U) || ((bits == 0x43000000U) && ((low + float_of(0x3338aa3cU)) > (z - high))))) {
        return float_of(0x7f800000U);
    }
    if (is_below && ((size > 0x43160000U) || ((size == 0x43160000U) && (low <= (z - high))))) {
        return 0.0f;
    }
    if (size > 0x3f000000U) {
        const uint32_t raised = bits + (0x00800000U >> ((size >> 23) - 0x7eU));
        const uint32_t k = ((raised & 0x7fffffffU) >> 23) - 0x7fU;
        rest -= float_of(raised & ~(0x007fffffU >> k));
        n = ((raised & 0x007fffffU) | 0x00800000U) >> (23U - k);
        n = is_below ? (0U - n) : n;
    }
    t = float_of(bits_of(low + rest) & 0xffff8000U);
    u = t * float_of(0x3f317200U);
    v = (low - (t - rest)) * float_of(0x3f317218U) + t * float_of(0x35bfbe8cU);
    z = u + v;
    w = v - (z - u);
    t = z * z;
    t1 = float_of(0x388ab355U) + t * (float_of(0xb5ddea0eU) + t * float_of(0x3331bb4cU));
    t1 = z - t * (float_of(0x3e2aaaabU) + t * (float_of(0xbb360b61U) + t * t1));
    r = (z * t1) / (t1 - 2.0f) - (w + z * w);
    z = 1.0f - (r - z);
    scaled = bits_of(z) + (n << 23);
    if (((scaled >> 31) == 0U) && ((scaled >> 23) != 0U)) {
        return float_of(scaled);
    }
    /* Subnormal: in two factors, the first of which is exact. */
    return (z * float_of(27U << 23)) * float_of((n + 227U) << 23);
}

/* As log_of: Copyright (C) 1993 by Sun Microsystems, Inc. All rights reserved.
 * Developed at SunPro, a Sun Microsystems, Inc. business. Permission to use, copy, modify, and distribute this
 * software is freely granted, provided that this notice is preserved. */
static float pow_of(float x, float y)
{
    const uint32_t size = bits_of(x) & 0x7fffffffU;
    const uint32_t exponent = bits_of(y) & 0x7fffffffU;
    const bool is_below = (bits_of(x) >> 31) != 0U;
    const bool is_inverse = (bits_of(y) >> 31) != 0U;
    const bool grows = (size > 0x3f800000U) != is_inverse;
    const float ax = float_of(size);
    bool is_whole = false;
    bool is_odd = false;
    float first;
    float second;
    float y1;
    float result;
    if ((exponent == 0U) || (bits_of(x) == 0x3f800000U)) {
        return 1.0f;
    }
    if ((size > 0x7f800000U) || (exponent > 0x7f800000U)) {
        return float_of(0x7fc00000U);
    }
    if (is_below && (exponent >= 0x4b800000U)) {
        is_whole = true;
    } else if (is_below && (exponent >= 0x3f800000U)) {
        const uint32_t places = 150U - (exponent >> 23);
        const uint32_t units = exponent >> places;
        is_whole = (units << places) == exponent;
        is_odd = is_whole && ((units & 1U) != 0U);
    }
    if (exponent == 0x7f800000U) {
        if (size == 0x3f800000U) {
            return 1.0f;
        }
        return grows ? float_of(0x7f800000U) : 0.0f;
    }
    if (exponent == 0x3f800000U) {
        return is_inverse ? (1.0f / x) : x;
    }
    if (bits_of(y) == 0x40000000U) {
        return x * x;
    }
    if ((bits_of(y) == 0x3f000000U) && !is_below) {
        return sqrt_of(x);
    }
    if ((size == 0x7f800000U) || (size == 0U) || (size == 0x3f800000U)) {
        const float z = is_inverse ? (1.0f / ax) : ax;
        if (is_below && (size == 0x3f800000U) && !is_whole) {
            return float_of(0x7fc00000U);
        }
        return is_odd ? -z : z;
    }
    if (is_below && !is_whole) {
        return float_of(0x7fc00000U);
    }
    if ((exponent > 0x4d000000U) && ((size < 0x3f7ffff8U) || (size > 0x3f800007U))) {
        result = grows ? float_of(0x7f800000U) : 0.0f;
        return is_odd ? -result : result;
    }
    first = (exponent > 0x4d000000U) ? log2_near_one(ax, &second) : log2_parts(ax, &second);
    y1 = float_of(bits_of(y) & 0xfffff000U);
    result = exp2_of_sum(y1 * first, (y - y1) * first + y * second);
    return is_odd ? -result : result;
}
