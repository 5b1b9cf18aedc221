/* Functions of elements, one by one and LANES at a time: those of the C library, which has them for vectors on x86 from
   glibc 2.35 on (libmvec); elsewhere each lane is computed by itself. REAL, reals, masks, all and choose are there. */
#ifndef GRADSCRIBE_FUNCTIONS_H
#define GRADSCRIBE_FUNCTIONS_H

#include <math.h>

#ifdef __GLIBC_PREREQ
#if defined __x86_64__ && __GLIBC_PREREQ(2, 35)
#define VECTOR_LIBRARY 1
#endif
#endif

#if VECTOR_LIBRARY
#if VECTOR == 64
#define OF_FLOATS(name) _ZGVeN16v_##name##f
#define OF_DOUBLES(name) _ZGVeN8v_##name
#elif VECTOR == 32 && defined __AVX2__
#define OF_FLOATS(name) _ZGVdN8v_##name##f
#define OF_DOUBLES(name) _ZGVdN4v_##name
#elif VECTOR == 32
#define OF_FLOATS(name) _ZGVcN8v_##name##f
#define OF_DOUBLES(name) _ZGVcN4v_##name
#else
#define OF_FLOATS(name) _ZGVbN4v_##name##f
#define OF_DOUBLES(name) _ZGVbN2v_##name
#endif

typedef float floats __attribute__((vector_size(LANES * sizeof(REAL))));
typedef double doubles __attribute__((vector_size(LANES * sizeof(REAL))));

#define ALL_OF(name)                                                                                                   \
    floats OF_FLOATS(name)(floats);                                                                                    \
    doubles OF_DOUBLES(name)(doubles);                                                                                 \
    FUNCTION reals all_##name##_of(reals numbers)                                                                      \
    {                                                                                                                  \
        return _Generic((REAL)0, float: OF_FLOATS(name), double: OF_DOUBLES(name))(numbers);                           \
    }
#else
#define ALL_OF(name)                                                                                                   \
    FUNCTION reals all_##name##_of(reals numbers)                                                                      \
    {                                                                                                                  \
        for (int k = 0; k < LANES; k++)                                                                                \
            numbers[k] = name##_of(numbers[k]);                                                                        \
        return numbers;                                                                                                \
    }
#endif

#define OF(name)                                                                                                       \
    FUNCTION REAL name##_of(REAL number)                                                                               \
    {                                                                                                                  \
        return _Generic(number, float: name##f, double: name)(number);                                                 \
    }                                                                                                                  \
    ALL_OF(name)

OF(exp)
OF(log)
OF(tanh)
OF(expm1)
OF(log1p)
OF(sin)
OF(cos)
OF(tan)
OF(asin)
OF(acos)
OF(atan)
OF(sinh)
OF(cosh)
OF(asinh)
OF(acosh)
OF(atanh)

/* erf(x) in float32 to 2 units in the last place, both ways for all lanes: x + x P(x^2) up to 0.9277, and beyond, with
   t = |x|, 1 - exp(t Q(t)), which is 1 from 4 on. P and Q are fitted to erf(x)/x - 1 and log(erfc(t))/t here, so that
   the greatest relative error of erf is least (weighted least squares, Lawson's iteration); without rounding it is 0.3
   and 0.05 units. libmvec's takes a third longer and is exact to 4. */
FUNCTION REAL erf_of(REAL number)
{
    return _Generic(number, float: erff, double: erf)(number);
}

FUNCTION reals all_short_erf_of(reals numbers)
{
    const reals size = all_absolute(numbers), t = choose(MASKS(size > 4), all(4), size), s = numbers * numbers;
    reals p = s * (REAL)-0.00059643 + (REAL)0.004988;
    p = p * s + (REAL)-0.02676312;
    p = p * s + (REAL)0.11281721;
    p = p * s + (REAL)-0.37612485;
    p = p * s + (REAL)0.12837915;
    reals q = t * (REAL)0.000213726479 + (REAL)-0.0032128192;
    q = q * t + (REAL)0.0228830919;
    q = q * t + (REAL)-0.105251085;
    q = q * t + (REAL)-0.635726515;
    q = q * t + (REAL)-1.12851192;
    const reals far = 1 - all_exp_of(q * t);
    const masks sign = (masks)numbers & (masks)all((REAL)-0.0);
    return choose(MASKS(size > (REAL)0.9277), (reals)((masks)far | sign), numbers + numbers * p);
}

#if VECTOR_LIBRARY
doubles OF_DOUBLES(erf)(doubles);
#define LONG_ERF OF_DOUBLES(erf)
#else
FUNCTION reals all_long_erf_of(reals numbers)
{
    for (int k = 0; k < LANES; k++)
        numbers[k] = erf_of(numbers[k]);
    return numbers;
}
#define LONG_ERF all_long_erf_of
#endif

FUNCTION reals all_erf_of(reals numbers)
{
    return _Generic((REAL)0, float: all_short_erf_of, double: LONG_ERF)(numbers);
}

FUNCTION REAL root_of(REAL number)
{
    return _Generic(number, float: __builtin_sqrtf, double: __builtin_sqrt)(number);
}

FUNCTION reals all_root_of(reals numbers)
{
    for (int k = 0; k < LANES; k++)
        numbers[k] = root_of(numbers[k]);
    return numbers;
}

/* 1 / (1 + exp(-x)) without overflow and with full relative accuracy. */
FUNCTION REAL sigmoid_of(REAL number)
{
    const REAL decay = exp_of(-absolute(number));
    return (number >= 0 ? 1 : decay) / (1 + decay);
}

FUNCTION reals all_sigmoid_of(reals numbers)
{
    const reals decay = all_exp_of(-all_absolute(numbers));
    return choose(MASKS(numbers >= 0), all(1), decay) / (1 + decay);
}

/* log(1 + exp(x)), likewise. */
FUNCTION REAL softplus_of(REAL number)
{
    return larger(number, 0) + log1p_of(exp_of(-absolute(number)));
}

FUNCTION reals all_softplus_of(reals numbers)
{
    return all_larger(numbers, all(0)) + all_log1p_of(all_exp_of(-all_absolute(numbers)));
}

#endif
