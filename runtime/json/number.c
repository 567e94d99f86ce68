/* number.c: see number.h. Pure; tries more digits until the text reads back as the same number. */
#include "runtime/json/number.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Adds one to the last digit of a number in scientific notation. False when that would carry out of the first one. */
static bool digits_up(char *scientific)
{
    for (char *p = strchr(scientific, 'e') - 1; p >= scientific && *p != '-'; p--) {
        if (*p == '.')
            continue;
        if (*p < '9')
            return (*p)++, true;
        *p = '0';
    }
    return false;
}

/* Writes value with `digits` digits; whether they read back as value. Above a power of two doubles lie twice as far
 * apart as below it, so there the number one up may read back where the nearest one does not. */
static bool print_digits(double value, int digits, char scientific[RY_JSON_F64_BYTES])
{
    snprintf(scientific, RY_JSON_F64_BYTES, "%.*e", digits - 1, value);
    if (strtod(scientific, NULL) == value)
        return true;
    return digits_up(scientific) && strtod(scientific, NULL) == value;
}

void ry_json_print_f64(double value, char text[RY_JSON_F64_BYTES])
{
    if (isnan(value) || isinf(value)) {
        snprintf(text, RY_JSON_F64_BYTES, "%s", isnan(value) ? "NaN" : value < 0 ? "-Infinity" : "Infinity");
        return;
    }
    char scientific[RY_JSON_F64_BYTES];
    int digits = 1;
    while (digits < 17 && !print_digits(value, digits, scientific))
        digits++;
    if (digits == 17)
        snprintf(scientific, sizeof scientific, "%.16e", value);

    int exponent = (int)strtol(strchr(scientific, 'e') + 1, NULL, 10);
    if (exponent < -4 || exponent >= 16) {
        snprintf(text, RY_JSON_F64_BYTES, "%s", scientific); /* two digits of exponent at least: as Python does */
        return;
    }
    /* In this range a power of two needs fewer than 17 digits, so the nearest number of so many digits is the one. */
    int decimals = digits - 1 - exponent;
    snprintf(text, RY_JSON_F64_BYTES, "%.*f", decimals > 0 ? decimals : 1, value);
}
